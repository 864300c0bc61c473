// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

namespace newtape::optim {

/// Machine epsilon: the distance from 1 to the next number.
constexpr double epsilon(DType dtype) { return dtype == f32 ? 0x1p-23 : 0x1p-52; }

/// Assumed rounding error of values near `value`: many units in the last place, as in sums of squares of differences.
double rounding(double value, DType dtype);

/// Why no better point was found along the descent direction d, judged by differences of the value.
Status diagnose(Objective& f, const Iterate& at, const Array& d);

}  // namespace newtape::optim
