// SPDX-License-Identifier: BSD-3-Clause
// What the sources of linalg share.
#pragma once

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::linalg {

/// `x` as a row or as a column beside a matrix.
inline Tensor row(const Tensor& x) { return unsqueeze(x, -2); }
inline Tensor column(const Tensor& x) { return unsqueeze(x, -1); }

/// Half of x and half of its transpose.
inline Tensor symmetrized(const Tensor& x) { return (x + transpose(x)) * 0.5; }

/// ShapeError and DTypeError for what is no float matrix, or no square one.
void expect_matrices(const char* op, const In& a, bool square);
/// ShapeError unless `b` has as many rows as `a` is high (columns, for a system from the right).
void expect_system(const char* op, const In& a, const In& b, bool left = true);

/// f(b), where a vector b is taken as one column.
template <class F>
Tensor by_columns(In& b, F f) {
  return b.ndim() == 1 ? squeeze(f(In(column(b), b.location())), -1) : f(std::move(b));
}

inline double rounding(DType dtype) {
  return dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}
/// Below which part of the largest singular value another one counts as zero.
inline double cutoff(const Tensor& a, const std::optional<double>& asked) {
  return asked ? *asked : rounding(a.dtype()) * static_cast<double>(std::max(a.shape(-1), a.shape(-2)));
}

/// Every row of x [.., m, k] goes to where rows [.., m] (i64, a permutation) says it comes from: y[i] = x[rows[i]].
Tensor permute_rows(const Tensor& x, const Array& rows);

}  // namespace newtape::linalg
