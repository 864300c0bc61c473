// SPDX-License-Identifier: BSD-3-Clause
// Helpers shared by the sources of linalg.
#pragma once

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::linalg {

/// Vectors x [.., n] as rows [.., 1, n] or columns [.., n, 1].
inline Tensor row(const Tensor& x) { return unsqueeze(x, -2); }
inline Tensor column(const Tensor& x) { return unsqueeze(x, -1); }

/// (x + x^T) / 2.
inline Tensor symmetrized(const Tensor& x) { return (x + transpose(x)) * 0.5; }

/// ShapeError, DTypeError unless `a` is a float matrix or stack of matrices, square if asked for.
void expect_matrices(const char* op, const In& a, bool square);
/// ShapeError unless `b` has as many rows as `a` (`left` false: as many columns).
void expect_system(const char* op, const In& a, const In& b, bool left = true);

/// f(b), with a vector b as one column.
template <class F>
Tensor by_columns(In& b, F f) {
  return b.ndim() == 1 ? squeeze(f(In(column(b), b.location())), -1) : f(std::move(b));
}

/// The default tolerance, relative to the largest singular value, below which singular values count as zero.
inline double cutoff(const Tensor& a) {
  return epsilon(a.dtype()) * static_cast<double>(std::max(a.shape(-1), a.shape(-2)));
}

/// Permutes the rows of x [.., m, k] by rows [.., m] (i64): y[i] = x[rows[i]].
Tensor permute_rows(const Tensor& x, const Array& rows);

}  // namespace newtape::linalg
