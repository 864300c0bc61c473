// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Vector operations for iterative methods, on arrays of the same shape and floating dtype. Sums in f64, in a fixed
/// order.
namespace newtape::core {

/// Inner product. ShapeError, DTypeError unless shapes and floating dtypes match.
double dot(const Array& a, const Array& b);
/// Euclidean norm; 0 if empty.
double norm2(const Array& a);
/// Maximum norm, 0 if empty; NaN propagates.
double norm_inf(const Array& a);
/// y + alpha x in one pass; writes the memory of y if it is moved in and `reusable()`.
Array axpy(double alpha, const Array& x, Array y);

}  // namespace newtape::core
