// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/solvers/kalman.hpp>
#include <newtape/core/ops/creation.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

namespace {

constexpr double log_two_pi = 1.8378770664093454836;

// Vectors are columns [.., n, 1] here.
Tensor column(const Tensor& v) { return unsqueeze(v, -1); }
Tensor symmetrized(const Tensor& p) { return 0.5 * (p + transpose(p)); }
/// a p a^T.
Tensor sandwich(const Tensor& a, const Tensor& p) { return matmul(matmul(a, p), transpose(a)); }
Tensor diagonal_sum_of_logs(const Tensor& l) { return sum(log(diagonal(l, 0, -2, -1)), -1); }

struct Gaussian {
  Tensor mean, cov;
};

void expect(const char* op, const char* which, const Tensor& x, const Shape& trailing, DType dtype) {
  if (!x.defined()) raise<ValueError>(std::string(op) + ": " + which + " is undefined");
  if (x.dtype() != dtype) {
    raise<DTypeError>(std::string(op) + ": " + which + " must have the dtype of the observations", name(dtype),
                      name(x.dtype()));
  }
  const auto axes = static_cast<std::ptrdiff_t>(trailing.size());
  if (x.ndim() >= trailing.size() && Shape(x.shape().end() - axes, x.shape().end()) == trailing) return;
  std::string expected = "[..";
  for (const auto length : trailing) expected += ", " + std::to_string(length);
  raise<ShapeError>(std::string(op) + ": the shape of " + which, expected + "]", to_string(x.shape()));
}

class Series {
 public:
  Series(const char* op, const StateSpaceModel& model, const Tensor& y, const Tensor& observed) : model_(model), y_(y) {
    if (y.ndim() < 2) raise<ShapeError>(std::string(op) + ": observations", "[.., T, m]", to_string(y.shape()));
    if (!is_floating(y.dtype())) raise<DTypeError>(std::string(op) + ": observations", "f32 or f64", name(y.dtype()));
    times_ = y.shape(-2);
    if (times_ == 0)
      raise<ValueError>(std::string(op) + ": there must be at least one time", "T >= 1", to_string(y.shape()));
    const auto m = y.shape(-1);
    const auto n = model.initial_mean.defined() && model.initial_mean.ndim() > 0 ? model.initial_mean.shape(-1) : 0;
    expect(op, "initial_mean", model.initial_mean, {n}, y.dtype());
    expect(op, "initial_cov", model.initial_cov, {n, n}, y.dtype());
    expect(op, "transition", model.transition, {n, n}, y.dtype());
    expect(op, "transition_cov", model.transition_cov, {n, n}, y.dtype());
    expect(op, "observation", model.observation, {m, n}, y.dtype());
    expect(op, "observation_cov", model.observation_cov, {m, m}, y.dtype());
    seen_.assign(static_cast<std::size_t>(times_), true);
    if (observed.defined()) read(op, observed);
    // The model broadcast against the series, so that all results have the same leading axes.
    Shape lead(y.shape().begin(), y.shape().end() - 2);
    const auto widen = [&](const Tensor& x, std::ptrdiff_t axes) {
      lead = broadcast_shapes(op, lead, Shape(x.shape().begin(), x.shape().end() - axes));
    };
    widen(model.initial_mean, 1), widen(model.initial_cov, 2), widen(model.transition, 2);
    widen(model.transition_cov, 2), widen(model.observation, 2), widen(model.observation_cov, 2);
    const auto spread = [&](const Tensor& x, std::size_t axes) {
      Shape shape = lead;
      for (auto i = x.ndim() - axes; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
      return expand(x, shape);
    };
    start_ = {column(spread(model.initial_mean, 1)), spread(symmetrized(model.initial_cov), 2)};
    identity_ = eye(n, y.dtype());
    likelihood_ = zeros(lead, y.dtype());
  }

  void filter() {
    Gaussian state = start_;
    for (std::int64_t t = 0; t < times_; ++t) {
      if (t > 0) state = ahead(state);
      predicted.push_back(state);
      if (seen_[static_cast<std::size_t>(t)]) state = updated(state, column(select(y_, -2, t)));
      filtered.push_back(state);
    }
  }

  /// Backwards from the last filtered state; also the covariances of neighbours, first to last.
  std::vector<Gaussian> smooth(std::vector<Tensor>& crosses) const {
    std::vector<Gaussian> all{filtered.back()};
    for (std::int64_t t = times_ - 2; t >= 0; --t) {
      const auto i = static_cast<std::size_t>(t);
      const Gaussian& now = filtered[i];
      const Gaussian& next = predicted[i + 1];
      // gain = cov transition^T next.cov^-1.
      const Tensor gain = transpose(linalg::solve(next.cov, matmul(model_.transition, now.cov)));
      const Gaussian& later = all.back();
      const Tensor mean = now.mean + matmul(gain, later.mean - next.mean);
      const Tensor cov = symmetrized(now.cov + sandwich(gain, later.cov - next.cov));
      crosses.push_back(matmul(later.cov, transpose(gain)));
      all.push_back({mean, cov});
    }
    return {all.rbegin(), all.rend()};
  }

  const Tensor& likelihood() const { return likelihood_; }

  std::vector<Gaussian> predicted, filtered;

 private:
  void read(const char* op, const Tensor& observed) {
    if (observed.dtype() != boolean)
      raise<DTypeError>(std::string(op) + ": observed", "boolean", name(observed.dtype()));
    if (observed.shape() != Shape{times_}) {
      raise<ShapeError>(std::string(op) + ": observed has one element for each time", to_string(Shape{times_}),
                        to_string(observed.shape()));
    }
    const Array flags = core::contiguous(observed.value());
    for (std::size_t t = 0; t < seen_.size(); ++t) seen_[t] = flags.data<bool>()[t];
  }

  Gaussian ahead(const Gaussian& x) const {
    return {matmul(model_.transition, x.mean), symmetrized(sandwich(model_.transition, x.cov) + model_.transition_cov)};
  }

  Gaussian updated(const Gaussian& x, const Tensor& y) {
    const Tensor& h = model_.observation;
    const Tensor rest = y - matmul(h, x.mean);
    const Tensor cov = symmetrized(sandwich(h, x.cov) + model_.observation_cov);
    const Tensor l = linalg::cholesky(cov);
    const Tensor white = linalg::solve_triangular(l, rest);
    const auto m = static_cast<double>(y.shape(-2));
    likelihood_ =
        likelihood_ - 0.5 * sum(square(squeeze(white, -1)), -1) - diagonal_sum_of_logs(l) - m / 2 * log_two_pi;
    const Tensor gain = transpose(linalg::cholesky_solve(matmul(h, x.cov), l));
    const Tensor kept = identity_ - matmul(gain, h);
    return {x.mean + matmul(gain, rest), symmetrized(sandwich(kept, x.cov) + sandwich(gain, model_.observation_cov))};
  }

  StateSpaceModel model_;
  Tensor y_;
  std::int64_t times_ = 0;
  std::vector<bool> seen_;
  Gaussian start_;
  Tensor identity_, likelihood_;
};

Tensor means_of(const std::vector<Gaussian>& states) {
  std::vector<Tensor> parts;
  for (const Gaussian& x : states) parts.push_back(squeeze(x.mean, -1));
  return stack(parts, -2);
}
Tensor covariances_of(const std::vector<Gaussian>& states) {
  std::vector<Tensor> parts;
  for (const Gaussian& x : states) parts.push_back(x.cov);
  return stack(parts, -3);
}

}  // namespace

KalmanFilterResult kalman_filter(const StateSpaceModel& model, In y, const Tensor& observed) {
  Series series("kalman_filter", model, y.tensor(), observed);
  series.filter();
  return {.means = means_of(series.filtered),
          .covariances = covariances_of(series.filtered),
          .predicted_means = means_of(series.predicted),
          .predicted_covariances = covariances_of(series.predicted),
          .log_likelihood = series.likelihood()};
}

KalmanSmootherResult kalman_smoother(const StateSpaceModel& model, In y, const Tensor& observed) {
  Series series("kalman_smoother", model, y.tensor(), observed);
  series.filter();
  std::vector<Tensor> crosses;
  const std::vector<Gaussian> smoothed = series.smooth(crosses);
  const Tensor& last = smoothed.back().cov;
  Shape no_pairs(last.shape().begin(), last.shape().end() - 2);
  no_pairs.push_back(0), no_pairs.push_back(last.shape(-2)), no_pairs.push_back(last.shape(-1));
  return {.means = means_of(smoothed),
          .covariances = covariances_of(smoothed),
          .cross_covariances = crosses.empty() ? zeros(no_pairs, last.dtype())
                                               : stack(std::vector<Tensor>(crosses.rbegin(), crosses.rend()), -3),
          .log_likelihood = series.likelihood()};
}

}  // namespace newtape
