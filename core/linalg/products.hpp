// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Products and linear systems by BLAS and LAPACK.
namespace newtape::core {

/// Matrix product a [.., n, k] b [.., k, m] -> [.., n, m]; leading axes broadcast. Transposed operands are not copied.
/// f32, f64 (Newtape's kernels or BLAS, whichever is faster for the shape) and i64; and f32 with one matrix of f16 or bf16,
/// which is widened in small panels, with sums in f32. ShapeError for fewer than two axes or
/// mismatched inner lengths.
Array matmul(const Array& a, const Array& b);
/// c += a b: a [n, k], b [k, m], c [n, m], contiguous, possibly a view (its memory is written); f32 and f64.
void add_matmul(Array& c, const Array& a, const Array& b);
/// x [n, k] w [m, k]^T + b [m] -> [n, m]: a fully connected layer with bias; w may be f16 or bf16 beside f32.
Array linear(const Array& x, const Array& w, const Array& b);
/// x with a x = b, for a [.., n, n] and b [n] or [.., n, m], by LU with partial pivoting; leading axes broadcast.
/// NumericalError naming the zero pivot if a is singular.
Array solve(const Array& a, const Array& b);

}  // namespace newtape::core
