// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/effects/measure_effect.hpp>

#include <cstddef>

namespace newtape::inspect::detail {

/// ValueError for options out of their ranges.
void check_options(const char* function, const MeasureEffectOptions& options);

/// technique - baseline, after failed runs (NaN) of both have got their values.
std::vector<double> differences_of(Effect& effect, const MeasureEffectOptions& options);

/// Everything about the values of `effect` but the verdict. `tests`: number of techniques that are compared.
void describe(Effect& effect, const MeasureEffectOptions& options, std::size_t tests);

/// Holm's method and the verdicts.
void judge(std::vector<Effect>& effects);

}  // namespace newtape::inspect::detail
