// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/multivariate_normal.hpp>

#include <cmath>
#include <numbers>

namespace newtape::distributions {

namespace {

const double log_2pi = std::log(2 * std::numbers::pi);

Tensor column(const Tensor& x) { return unsqueeze(x, -1); }
Tensor times(const Tensor& a, const Tensor& x) { return squeeze(matmul(a, column(x)), -1); }
Tensor log_diagonal_sum(const Tensor& l) { return sum(log(diagonal(l, 0, -2, -1)), -1); }
/// |L^-1 x|^2; x may have further leading axes.
Tensor mahalanobis(const Tensor& l, const Tensor& x) {
  Shape all = broadcast_shapes("MultivariateNormal", Shape(x.shape().begin(), x.shape().end() - 1),
                               Shape(l.shape().begin(), l.shape().end() - 2));
  all.push_back(l.shape(-2));
  all.push_back(l.shape(-1));
  return sum(square(linalg::solve_triangular(expand(l, all), column(x), {.upper = false})), {-2, -1});
}
/// The Cholesky factor of the inverse of a positive definite matrix.
Tensor factor_of_inverse(const Tensor& precision) {
  const auto n = precision.shape(-1);
  const Tensor eye(core::eye(n, precision.dtype()));
  const Tensor l = linalg::cholesky(precision);
  // P = L L^T, so that P^-1 = (L^-1)^T L^-1
  const Tensor inverse = linalg::solve_triangular(l, expand(eye, l.shape()), {.upper = false});
  return linalg::cholesky(matmul(transpose(inverse), inverse));
}
/// Batch shape of a vector parameter [.., n] and a matrix [.., n, m].
Shape batch_of(const char* name, const Tensor& loc, const Tensor& matrix, bool square) {
  const bool good = loc.ndim() >= 1 && matrix.ndim() >= 2 && matrix.shape(-2) == loc.shape(-1) &&
                    (!square || matrix.shape(-1) == matrix.shape(-2));
  if (!good) {
    raise<ShapeError>(std::string(name) + ": loc and matrix must fit",
                      square ? "[.., n] and [.., n, n]" : "[.., n] and [.., n, r]",
                      to_string(loc.shape()) + " and " + to_string(matrix.shape()));
  }
  return broadcast_shapes(name, Shape(loc.shape().begin(), loc.shape().end() - 1),
                          Shape(matrix.shape().begin(), matrix.shape().end() - 2));
}
Tensor spread_vector(const Tensor& x, Shape batch) {
  batch.push_back(x.shape(-1));
  return x.shape() == batch ? x : expand(x, batch);
}
Tensor spread_matrix(const Tensor& x, Shape batch) {
  batch.push_back(x.shape(-2));
  batch.push_back(x.shape(-1));
  return x.shape() == batch ? x : expand(x, batch);
}
void same_dtype(const char* name, const Tensor& a, const Tensor& b) {
  if (is_floating(a.dtype()) && a.dtype() == b.dtype()) return;
  raise<DTypeError>(std::string(name) + ": the parameters must have the same float dtype", newtape::name(a.dtype()),
                    newtape::name(b.dtype()));
}

}  // namespace

// --- MultivariateNormal ---

MultivariateNormal::MultivariateNormal(In loc, const MultivariateNormalOptions& options)
    : Distribution("MultivariateNormal") {
  const int given = static_cast<int>(options.covariance_matrix.defined()) +
                    static_cast<int>(options.precision_matrix.defined()) +
                    static_cast<int>(options.scale_tril.defined());
  if (given != 1) {
    raise<ValueError>("MultivariateNormal: the covariance must be given once",
                      "one of covariance_matrix, precision_matrix, scale_tril", std::to_string(given) + " of them");
  }
  const Tensor matrix = options.covariance_matrix.defined()  ? options.covariance_matrix
                        : options.precision_matrix.defined() ? options.precision_matrix
                                                             : options.scale_tril;
  same_dtype("MultivariateNormal", loc, matrix);
  const Shape batch = batch_of("MultivariateNormal", loc, matrix, true);
  if (options.scale_tril.defined()) {
    detail::expect("MultivariateNormal", "scale_tril", matrix, constraints::lower_cholesky());
  }
  const Tensor factor = options.covariance_matrix.defined()  ? linalg::cholesky(In(matrix, loc.location()))
                        : options.precision_matrix.defined() ? factor_of_inverse(matrix)
                                                             : matrix;
  loc_ = spread_vector(loc, batch);
  scale_tril_ = spread_matrix(factor, batch);
  set_shapes(batch, {loc.tensor().shape(-1)});
}
Constraint MultivariateNormal::support() const { return constraints::real_vector(); }
Tensor MultivariateNormal::draw(const Shape& shape, Generator& generator) const {
  return loc_ + times(scale_tril_, detail::normal_noise(shape, loc_, generator));
}
Tensor MultivariateNormal::log_prob_at(const Tensor& x) const {
  const auto n = static_cast<double>(event_shape()[0]);
  return -0.5 * (n * log_2pi + mahalanobis(scale_tril_, x - loc_)) - log_diagonal_sum(scale_tril_);
}
Tensor MultivariateNormal::entropy() const {
  return log_diagonal_sum(scale_tril_) + 0.5 * static_cast<double>(event_shape()[0]) * (1 + log_2pi);
}
Tensor MultivariateNormal::mean() const { return loc_; }
Tensor MultivariateNormal::variance() const { return sum(square(scale_tril_), -1); }
Tensor MultivariateNormal::mode() const { return loc_; }
Tensor MultivariateNormal::covariance_matrix() const { return matmul(scale_tril_, transpose(scale_tril_)); }
Tensor MultivariateNormal::precision_matrix() const { return linalg::inv(covariance_matrix()); }

// --- LowRankMultivariateNormal ---

LowRankMultivariateNormal::LowRankMultivariateNormal(In loc, In cov_factor, In cov_diag)
    : Distribution("LowRankMultivariateNormal") {
  same_dtype("LowRankMultivariateNormal", loc, cov_factor);
  same_dtype("LowRankMultivariateNormal", loc, cov_diag);
  Shape batch = batch_of("LowRankMultivariateNormal", loc, cov_factor, false);
  detail::expect("LowRankMultivariateNormal", "cov_diag", cov_diag, constraints::positive());
  batch = broadcast_shapes("LowRankMultivariateNormal", batch,
                           batch_of("LowRankMultivariateNormal", cov_diag, cov_factor, false));
  loc_ = spread_vector(loc, batch);
  cov_factor_ = spread_matrix(cov_factor, batch);
  cov_diag_ = spread_vector(cov_diag, batch);
  // The Cholesky factor of I + W^T D^-1 W
  const Tensor eye(core::eye(cov_factor_.shape(-1), cov_factor_.dtype()));
  capacitance_tril_ = linalg::cholesky(eye + matmul(transpose(cov_factor_), cov_factor_ / column(cov_diag_)));
  set_shapes(batch, {loc_.shape(-1)});
}
Constraint LowRankMultivariateNormal::support() const { return constraints::real_vector(); }
Tensor LowRankMultivariateNormal::draw(const Shape& shape, Generator& generator) const {
  Shape small(shape);
  small[small.size() - 1] = cov_factor_.shape(-1);
  const Tensor common = times(cov_factor_, detail::normal_noise(small, loc_, generator));
  return loc_ + common + sqrt(cov_diag_) * detail::normal_noise(shape, loc_, generator);
}
Tensor LowRankMultivariateNormal::log_prob_at(const Tensor& x) const {
  // Woodbury's identity and the matrix determinant lemma.
  const Tensor d = x - loc_;
  const Tensor scaled = d / cov_diag_;
  const Tensor distance = sum(d * scaled, -1) - mahalanobis(capacitance_tril_, times(transpose(cov_factor_), scaled));
  const auto n = static_cast<double>(event_shape()[0]);
  return -0.5 * (n * log_2pi + distance + sum(log(cov_diag_), -1)) - log_diagonal_sum(capacitance_tril_);
}
Tensor LowRankMultivariateNormal::entropy() const {
  const auto n = static_cast<double>(event_shape()[0]);
  return 0.5 * (n * (1 + log_2pi) + sum(log(cov_diag_), -1)) + log_diagonal_sum(capacitance_tril_);
}
Tensor LowRankMultivariateNormal::mean() const { return loc_; }
Tensor LowRankMultivariateNormal::variance() const { return sum(square(cov_factor_), -1) + cov_diag_; }
Tensor LowRankMultivariateNormal::mode() const { return loc_; }
Tensor LowRankMultivariateNormal::covariance_matrix() const {
  return matmul(cov_factor_, transpose(cov_factor_)) + diag_embed(cov_diag_);
}

}  // namespace newtape::distributions
