// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

namespace newtape::optim {

/// The distance from 1 to the next number.
constexpr double epsilon(DType dtype) { return dtype == f32 ? 0x1p-23 : 0x1p-52; }

/// Differences between values around `value` that are as small as this are taken for rounding: what a sum of squares of
/// differences loses, for one, is many times its last digit.
double rounding(double value, DType dtype);

/// Why no better point was found along d, a direction in which the gradient promises a fall: by differences of the
/// value.
Status diagnose(Objective& f, const Iterate& at, const Array& d);

}  // namespace newtape::optim
