// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/linearized.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

namespace {

/// QR and SVD of J with its columns divided by `scale`, for the estimates.
struct Columns {
  Array scale;     ///< [n], 1 for a column of zeros
  Array triangle;  ///< R of its QR, [min(m, n), n]
  core::SVD svd;   ///< of that
  std::int64_t rank = 0;
};

Array weighted(const LeastSquaresResult& r) {
  if (r.weighted_jacobian) return r.weighted_jacobian();
  raise<ValueError>("LeastSquaresResult: there are no estimates without a Jacobian",
                    "residuals that are finite at the start", r.message);
}

Columns decompose(const Array& j) {
  const Array norms = column_norms(j);
  const Array zero = core::zeros({}, f64);
  Columns c;
  c.scale = core::where(core::greater(norms, zero), norms, core::ones({}, f64));
  c.triangle = core::qr(j / c.scale, false, "least_squares").r;
  c.svd = core::svd(c.triangle, core::SVDPart::reduced, "least_squares");
  const double* s = c.svd.s.data<double>();
  const double cutoff = 0x1p-52 * static_cast<double>(std::max(j.shape(0), j.shape(1))) * s[0];
  while (c.rank < c.svd.s.size() && s[c.rank] > cutoff) ++c.rank;
  return c;
}

/// F with (J^T J)^-1 = F F^T, [n, rank].
Array factor(const Columns& c) {
  const std::int64_t n = c.scale.size();
  const Array unscale = core::reshape(core::reciprocal(c.scale), {n, 1});
  if (c.rank == n) {
    return unscale * core::solve_triangular(c.triangle, core::eye(n, f64), {.upper = true}, "covariance");
  }
  const Array v = core::transpose(core::slice(c.svd.vh, 0, 0, c.rank), 0, 1);
  return unscale * (v / core::slice(c.svd.s, 0, 0, c.rank));
}

double residual_std(const LeastSquaresResult& r, std::int64_t freedom) {
  if (freedom <= 0) return std::numeric_limits<double>::quiet_NaN();
  Array e = core::contiguous(core::reshape(core::cast(r.residuals.value(), f64), {r.residuals.size()}));
  if (r.weights.defined()) e = std::move(e) * r.weights;
  return core::norm2(e) / std::sqrt(static_cast<double>(freedom));
}

}  // namespace

Tensor LeastSquaresResult::jacobian() const {
  Array j = weighted(*this);
  if (weights.defined()) {
    const Array column = core::reshape(weights, {weights.size(), 1});
    const Array zero = core::zeros({}, f64);
    j = core::where(core::greater(column, zero), j / column, zero);
  }
  return core::cast(j, residuals.dtype());
}

std::int64_t LeastSquaresResult::rank() const { return decompose(weighted(*this)).rank; }

std::int64_t LeastSquaresResult::degrees_of_freedom() const { return residuals.size() - rank(); }

double LeastSquaresResult::residual_standard_deviation() const { return residual_std(*this, degrees_of_freedom()); }

Tensor LeastSquaresResult::covariance(bool absolute) const {
  const Columns c = decompose(weighted(*this));
  const double s = absolute ? 1 : residual_std(*this, residuals.size() - c.rank);
  const Array f = s * factor(c);
  return core::cast(core::matmul(f, core::transpose(f, 0, 1)), residuals.dtype());
}

std::vector<Tensor> LeastSquaresResult::standard_deviations(bool absolute) const {
  const Columns c = decompose(weighted(*this));
  const double s = absolute ? 1 : residual_std(*this, residuals.size() - c.rank);
  const Array lengths = s * column_norms(core::transpose(factor(c), 0, 1));
  std::vector<Tensor> parts;
  parts.reserve(xs.size());
  std::int64_t at = 0;
  for (const auto& x : xs) {
    const Array part = core::cast(core::slice(lengths, 0, at, at + x.size()), residuals.dtype());
    parts.emplace_back(core::copy(core::reshape(part, x.shape())));
    at += x.size();
  }
  return parts;
}

}  // namespace newtape::optim
