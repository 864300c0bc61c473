// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

/// How many runs a comparison takes. Effects are in standard deviations of the paired differences, which are taken as
/// normal. Where the sign-flip test only rejects differences of one sign (6 runs at 0.05), its power is exact; beyond, it
/// is that of the two-sided paired t test (Cohen 1988, chapter 2) at the level that the signs can have: 0.02 too high at
/// most for 7 runs, 0.01 for 8. Fewer than 6 runs do not reach the level 0.05.
namespace newtape::inspect {

/// The largest level up to `alpha` that the sign-flip test of n runs can have; 0 when there is none.
double attainable_level(int runs, double alpha = 0.05);

/// The probability that n runs find an effect of this size. ValueError unless runs >= 1 and 0 < alpha < 1, as below.
double paired_power(double effect, int runs, double alpha = 0.05);

/// The smallest effect that n runs find with probability `power`; infinite when they cannot find any.
double smallest_effect(int runs, double power = 0.8, double alpha = 0.05);

/// The smallest number of runs that find an effect of this size with probability `power`; at most a million, and 0 when
/// the effect is 0.
int required_runs(double effect, double power = 0.8, double alpha = 0.05);

}  // namespace newtape::inspect
