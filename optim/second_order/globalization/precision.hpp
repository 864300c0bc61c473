// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <limits>

namespace newtape::optim {

/// Assumed rounding error of values near `value`: many units in the last place, as in sums of squares of differences.
double rounding(double value, DType dtype);

/// Why no better point was found along the descent direction d, judged by differences of the value: `precision` where
/// the possible reduction, along at most `longest` times d, is below the rounding error of the values.
Status diagnose(Objective& f, const Iterate& at, const Array& d,
                double longest = std::numeric_limits<double>::infinity());

}  // namespace newtape::optim
