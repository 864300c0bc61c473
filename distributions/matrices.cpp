// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/matrices.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace newtape::distributions {

namespace {
Tensor log_of_diagonal(const Tensor& l) { return log(diagonal(l, 0, -2, -1)); }
}  // namespace

// --- LKJCholesky ---

LKJCholesky::LKJCholesky(std::int64_t n, In concentration) : Distribution("LKJCholesky"), n_(n) {
  if (n < 2) raise<ValueError>("LKJCholesky: a correlation needs two rows", "n >= 2", std::to_string(n));
  concentration_ = detail::parameters("LKJCholesky", {concentration})[0];
  detail::expect("LKJCholesky", "concentration", concentration_, constraints::positive());
  set_shapes(concentration_.shape(), {n, n});
}
Constraint LKJCholesky::support() const { return constraints::corr_cholesky(); }
Tensor LKJCholesky::draw(const Shape& shape, Generator& generator) const {
  // Row i is a direction times a length whose square has a beta distribution (Lewandowski et al. 2009, section 3.2).
  const Shape rows(shape.begin(), shape.end() - 1);
  const Tensor i = clip(arange(n_).to(dtype()) - 1.0, 0.0);  // of row 0, which has no direction, any
  const Tensor rest = unsqueeze(concentration_.detach(), -1) + 0.5 * (static_cast<double>(n_) - 2 - i);
  const Tensor length = random::beta(detail::repeated(0.5 * (i + 1.0), rows), detail::repeated(rest, rows), generator);
  const Tensor direction = tril(detail::normal_noise(shape, concentration_, generator), -1);
  const Tensor below = unsqueeze(sqrt(length), -1) * normalize(direction);
  return below + diag_embed(sqrt(clip(1.0 - sum(square(below), -1), 1e-30)));
}
Tensor LKJCholesky::log_prob_at(const Tensor& x) const {
  const auto m = static_cast<double>(n_ - 1);
  const Tensor order = m - arange(1, n_).to(dtype());
  const Tensor powers = unsqueeze(2.0 * (concentration_ - 1.0), -1) + order;
  const Tensor alpha = concentration_ + 0.5 * m;
  const Tensor norm =
      0.5 * m * std::log(std::numbers::pi) + mvlgamma(alpha - 0.5, static_cast<int>(n_ - 1)) - m * lgamma(alpha);
  return sum(powers * slice(log_of_diagonal(x), -1, 1, n_), -1) - norm;
}

// --- Wishart ---

Wishart::Wishart(In df, In scale_tril) : Distribution("Wishart") {
  const Tensor l = scale_tril.tensor();
  if (l.ndim() < 2 || l.shape(-1) != l.shape(-2)) {
    raise<ShapeError>("Wishart: scale_tril must be square", "[.., n, n]", to_string(l.shape()));
  }
  detail::expect("Wishart", "scale_tril", l, constraints::lower_cholesky());
  const auto n = l.shape(-1);
  df_ = df.is_number() ? full_like(zeros({}, l.dtype()), df.number()) : df.tensor();
  if (df_.dtype() != l.dtype()) {
    raise<DTypeError>("Wishart: the parameters have different dtypes", newtape::name(l.dtype()),
                      newtape::name(df_.dtype()));
  }
  detail::expect("Wishart", "df - n + 1", df_ - static_cast<double>(n - 1), constraints::positive());
  const Shape batch = broadcast_shapes("Wishart", df_.shape(), Shape(l.shape().begin(), l.shape().end() - 2));
  Shape matrices(batch);
  matrices.push_back(n);
  matrices.push_back(n);
  df_ = df_.shape() == batch ? df_ : expand(df_, batch);
  scale_tril_ = l.shape() == matrices ? l : expand(l, matrices);
  set_shapes(batch, {n, n});
}
Constraint Wishart::support() const { return constraints::positive_definite(); }
Tensor Wishart::covariance_matrix() const { return matmul(scale_tril_, transpose(scale_tril_)); }
Tensor Wishart::draw(const Shape& shape, Generator& generator) const {
  const auto n = shape[shape.size() - 1];
  const Shape rows(shape.begin(), shape.end() - 1);
  const Tensor half = expand(0.5 * (unsqueeze(df_, -1) - arange(n).to(dtype())), rows);
  const Tensor roots = exp(0.5 * (log_standard_gamma(half, generator) + std::numbers::ln2));
  const Tensor a = matmul(scale_tril_, tril(detail::normal_noise(shape, df_, generator), -1) + diag_embed(roots));
  return matmul(a, transpose(a));
}
Tensor Wishart::log_prob_at(const Tensor& x) const {
  const auto n = event_shape()[0];
  const auto d = static_cast<double>(n);
  // |L^-1 C|^2, C C^T = x, is the trace of V^-1 x.
  const Tensor c = linalg::cholesky(x);
  const Tensor l = scale_tril_.shape() == c.shape() ? scale_tril_ : expand(scale_tril_, c.shape());
  const Tensor trace = sum(square(linalg::solve_triangular(l, c, {.upper = false})), {-2, -1});
  return (df_ - d - 1.0) * sum(log_of_diagonal(c), -1) - 0.5 * trace - 0.5 * d * std::numbers::ln2 * df_ -
         df_ * sum(log_of_diagonal(scale_tril_), -1) - mvlgamma(0.5 * df_, static_cast<int>(n));
}
Tensor Wishart::entropy() const {
  const auto n = event_shape()[0];
  const auto d = static_cast<double>(n);
  const Tensor half = 0.5 * df_;
  const Tensor digammas = sum(digamma(unsqueeze(half, -1) - 0.5 * arange(n).to(dtype())), -1);
  return (d + 1) * sum(log_of_diagonal(scale_tril_), -1) + 0.5 * d * (d + 1) * std::numbers::ln2 +
         mvlgamma(half, static_cast<int>(n)) - 0.5 * (df_ - d - 1.0) * digammas + half * d;
}
Tensor Wishart::mean() const { return unsqueeze(unsqueeze(df_, -1), -1) * covariance_matrix(); }
Tensor Wishart::variance() const {
  const Tensor v = covariance_matrix();
  const Tensor d = diagonal(v, 0, -2, -1);
  return unsqueeze(unsqueeze(df_, -1), -1) * (square(v) + unsqueeze(d, -1) * unsqueeze(d, -2));
}

}  // namespace newtape::distributions
