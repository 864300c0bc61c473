// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array.hpp>

/// The only door to BLAS and LAPACK.
namespace newtape::core {

/// Matrix product a [.., n, k] b [.., k, m] -> [.., n, m]; leading axes broadcast. Transposed operands are not copied.
/// f32, f64 (our own kernels or BLAS, whichever is faster for the shape) and i64. ShapeError for fewer than two axes or
/// lengths that do not meet.
Array matmul(const Array& a, const Array& b);
/// c += a b: a [n, k], b [k, m], c [n, m], which is contiguous and may be a view (the memory is written); f32 and f64.
void add_matmul(Array& c, const Array& a, const Array& b);
/// x [n, k] w [m, k]^T + b [m] -> [n, m]: the product of a Linear layer, its bias added on the way.
Array linear(const Array& x, const Array& w, const Array& b);
/// The x with a x = b, for a [.., n, n] and b [n] or [.., n, m], by LU with row exchanges; leading axes broadcast.
/// NumericalError names the pivot that is zero when a is singular.
Array solve(const Array& a, const Array& b);

}  // namespace newtape::core
