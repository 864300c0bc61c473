// SPDX-License-Identifier: BSD-3-Clause
// The end of a run, where rounding errors hide changes of the value: undamped steps to the last digits, and the reason
// when no step lowers the value.
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/solver.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

/// Rounding error of the value, if the residuals are sums of terms of the size of themselves and of J x.
double LeastSquaresSolver::noise() const {
  const double *r = at_.residuals.data<double>(), *scale = rounding_scale_.data<double>();
  const double* const slope = at_.rho_slopes.defined() ? at_.rho_slopes.data<double>() : nullptr;
  double sum = 0;
  for (std::int64_t i = 0; i < at_.residuals.size(); ++i) {
    const double size = std::abs(r[i]);
    sum += (slope != nullptr ? slope[i] : 1) * size * (size + scale[i]);
  }
  return epsilon_ * sum;
}

/// Whether the step changes no unknown by more than its last bit.
bool LeastSquaresSolver::negligible(const Array& step) const {
  const double* s = step.data<double>();
  const double* x = at_.x.data<double>();
  for (std::int64_t i = 0; i < step.size(); ++i) {
    if (std::abs(s[i]) > epsilon_ * std::abs(x[i])) return false;
  }
  return true;
}

std::optional<Array> LeastSquaresSolver::last_digits(double predicted) {
  constexpr double margin = 3;
  const double limit = margin * noise();
  if (predicted > limit) return {};
  const double rcond =
      options_.products ? 1e-3 * epsilon_ : 0x1p-52 * static_cast<double>(std::max(at_.residuals.size(), at_.x.size()));
  Array step = model_->undamped(target_, rcond);
  if (!finite(step) || predicted_reduction(step) > 10 * limit) return {};
  return step;
}

/// Gauss-Newton steps where rounding hides changes of the value: the length of the step estimates the distance to the
/// solution, and steps continue while it shrinks (Deuflhard 2004, section 2.1.2: natural monotonicity).
LeastSquaresStepResult LeastSquaresSolver::polish(const Array& step) {
  constexpr double shrinking = 0.9;
  constexpr double margin = 30;
  const double length = scaled_length(step);
  if (length < best_length_) {
    best_length_ = length;
    best_ = at_;
  }
  stalls_ += length > shrinking * last_length_ ? 1 : 0;
  last_length_ = length;
  const auto end = [&] {
    if (best_.x.defined()) at_ = best_;
    return stopped(Status::precision);
  };
  if (stalls_ >= 2 || negligible(step)) return end();
  const double allowed = at_.value + margin * noise();
  Trial trial = attempt(step, std::numeric_limits<double>::min());
  if (!trial.moved || !trial.to.x.defined() || !finite(trial.to) || trial.to.value > allowed) return end();
  accept(std::move(trial), 1);
  return {.moved = true, .ratio = 1, .region = 0, .note = "polished"};
}

LeastSquaresStepResult LeastSquaresSolver::no_step(bool any_finite, double predicted) {
  if (!any_finite) return stopped(Status::not_finite, "after every step tried");
  if (derivatives_contradicted(true) || derivatives_contradicted(false)) return stopped(Status::wrong_gradient);
  if (predicted <= 10 * noise()) return stopped(Status::precision);
  const Array step = model_->undamped(target_, options_.products ? 1e-6 : 0x1p-46);
  const double left = predicted_reduction(step);
  // Conjugate gradients on J^T J reach half of the digits.
  const double hidden = options_.products ? std::sqrt(epsilon_) : std::pow(epsilon_, 2.0 / 3);
  if (left <= hidden * at_.value) return stopped(Status::precision);
  return stopped(Status::no_progress);
}

bool LeastSquaresSolver::derivatives_contradicted(bool downhill) {
  // In units of each unknown or, if it is 0, of the change that alters the residuals by their own size.
  const double size = core::norm2(at_.residuals);
  Array v = Array::empty(at_.x.shape(), f64);
  const double* x = at_.x.data<double>();
  const double* g = at_.gradient.data<double>();
  const double* scale = state.scale.data<double>();
  double longest = 0;
  for (std::int64_t i = 0; i < v.size(); ++i) longest = std::max(longest, std::abs(g[i]) / scale[i]);
  for (std::int64_t i = 0; i < v.size(); ++i) {
    const double unit = x[i] != 0                        ? std::abs(x[i])
                        : size > 0 && !options_.products ? std::min(1.0, size / scale[i])
                                                         : 1;
    const double golden = 0.6180339887498949 * static_cast<double>(i + 1);
    const double spread = golden - std::floor(golden) < 0.5 ? -1 : 1;
    v.data<double>()[i] = unit * (downhill && longest > 0 ? -g[i] / scale[i] / longest : spread);
  }
  const Array terms = core::abs(at_.residuals) + rounding_scale_;
  const double rounding = 8 * epsilon_ * core::norm2(terms);
  double before = 0;
  for (const double h : {std::cbrt(epsilon_), std::cbrt(epsilon_) / 8}) {
    const Array up = f_.rounded(bounds_.project(at_.x + h * v));
    const Array down = f_.rounded(bounds_.project(at_.x - h * v));
    const Array change = f_.value(up) - f_.value(down);
    const Array linear = derivative_(up - down);
    if (!finite(change) || !finite(linear)) return false;
    const double error = core::norm2(change - linear);
    const double length = std::max(core::norm2(change), core::norm2(linear));
    if (error <= 0.1 * length + rounding) return false;
    // The error due to curvature shrinks with h.
    if (before > 0 && error / length < 0.5 * before) return false;
    before = error / length;
  }
  return true;
}

}  // namespace newtape::optim
