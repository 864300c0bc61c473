// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// The algebra of iterative methods: arrays of one shape and float dtype as vectors. Sums are in f64, in a fixed order.
namespace newtape::core {

/// ShapeError, DTypeError unless both have one shape and float dtype.
double dot(const Array& a, const Array& b);
/// Euclidean; 0 for an empty one.
double norm2(const Array& a);
/// The largest absolute value, 0 for an empty one; NaN wins.
double norm_inf(const Array& a);
Array scaled(double factor, Array x);
/// y + factor x.
Array plus(Array y, double factor, const Array& x);

}  // namespace newtape::core
