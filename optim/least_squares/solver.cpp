// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/least_squares/solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

namespace {

constexpr double initial_damping = 1e-3;
// D is the largest length that J's columns have had, as in MINPACK (More 1978), so that D does not shrink where large
// residuals have small derivatives; but where a column is far shorter than D (far from the solution, say), D decreases
// slowly.
constexpr double scale_margin = 100;
constexpr double scale_kept = 0.3;
constexpr double min_ratio = 1e-4;         // actual over predicted reduction of an accepted step
constexpr double max_acceleration = 0.75;  // |D a| / |D s|, beyond which the second-order correction is rejected
constexpr double curvature_kept = 0.1;     // times rho', lower bound of rho' + 2 rho'' s
constexpr int max_trials = 100;

bool finite(const Array& x) { return std::isfinite(core::norm_inf(x)); }
bool finite(const ResidualPoint& p) { return std::isfinite(p.value) && finite(p.residuals); }

/// Elementwise, of f64 vectors.
template <class F>
Array map(const Array& x, F f) {
  Array y = Array::empty(x.shape(), f64);
  std::transform(x.data<double>(), x.data<double>() + x.size(), y.data<double>(), f);
  return y;
}

LeastSquaresMove stopped(Status status, std::string note = {}) { return {.note = std::move(note), .status = status}; }

}  // namespace

const char* to_string(LeastSquaresMethod method) noexcept {
  switch (method) {
    case LeastSquaresMethod::levenberg_marquardt: return "levenberg_marquardt";
    case LeastSquaresMethod::gauss_newton: return "gauss_newton";
    case LeastSquaresMethod::dogleg: return "dogleg";
  }
  return "?";
}

LeastSquaresSolver::LeastSquaresSolver(Residuals& f, const LeastSquaresSolverOptions& options, Bounds bounds)
    : f_(f), options_(options), bounds_(std::move(bounds)), epsilon_(epsilon(f.dtype())) {}

bool LeastSquaresSolver::start(const Array& x) {
  at_ = {};
  at_.x = f_.rounded(bounds_.project(x));
  before_.reset();
  last_length_ = best_length_ = std::numeric_limits<double>::infinity();
  stalls_ = 0;
  if (!derive()) return false;
  start_value_ = at_.value;
  return true;
}

void LeastSquaresSolver::weigh(ResidualPoint& p) const {
  if (options_.loss == RobustLoss::linear) {
    p.value = 0.5 * core::dot(p.residuals, p.residuals);
    return;
  }
  p.value = 0;
  p.first = map(p.residuals, [&](double r) {
    const Rho at = rho(options_.loss, options_.loss_scale, r * r);
    p.value += 0.5 * at.value;
    return at.first;
  });
}

ResidualPoint LeastSquaresSolver::evaluate(const Array& x) {
  ResidualPoint p;
  p.x = x;
  p.residuals = f_.value(x);
  weigh(p);
  return p;
}

/// Residuals and all that depends on their derivatives, at at_.x.
bool LeastSquaresSolver::derive() {
  model_.reset();
  Residuals::Products products;
  if (options_.products) {
    products = f_.products(at_.x);
    at_.residuals = products.value;
  } else {
    at_.residuals = f_.value_and_jacobian(at_.x, at_.jacobian);
  }
  weigh(at_);
  if (!finite(at_) || (!options_.products && !finite(at_.jacobian))) return false;

  const Array weighted = at_.first.defined() ? at_.first * at_.residuals : at_.residuals;
  if (options_.products) {
    at_.gradient = products.transposed(weighted);
    derivative_ = products.forward;
    reach_ = core::abs(derivative_(at_.x));
  } else {
    const Array column = core::reshape(weighted, {weighted.size(), 1});
    at_.gradient = core::contiguous(core::reshape(core::sum(at_.jacobian * column, {0}), at_.x.shape()));
    derivative_ = [j = at_.jacobian](const Array& v) { return product(j, v); };
    reach_ = product(core::abs(at_.jacobian), core::abs(at_.x));
  }
  if (!finite(at_.gradient)) return false;

  // Triggs' correction: rows of weight rho' + 2 rho'' r^2 make the Gauss-Newton matrix that of the sum of rho. Where
  // that is small or negative (outliers), a fraction of rho' keeps the matrix positive definite.
  rows_ = {};
  target_ = at_.residuals;
  if (at_.first.defined()) {
    rows_ = map(at_.residuals, [&](double r) {
      const Rho at = rho(options_.loss, options_.loss_scale, r * r);
      return std::sqrt(std::max(at.first + 2 * at.second * r * r, curvature_kept * at.first));
    });
    const Array zero = core::zeros({}, f64);
    target_ = core::where(core::greater(rows_, zero), weighted / rows_, zero);
  }

  const Array free = bounds_.free(at_.x, at_.gradient);
  if (options_.products) {
    state.scale = core::ones(at_.x.shape(), f64);
    if (state.damping == 0) {
      const double g = core::norm2(at_.gradient);
      const double j = g > 0 ? core::norm2(products.forward(1 / g * at_.gradient)) : 1;
      state.damping = initial_damping * (j > 0 ? j * j : 1);
    }
    model_ = linearized(std::move(products), rows_, state.scale, free);
    return true;
  }
  if (state.damping == 0) state.damping = initial_damping;
  const Array weights = rows_.defined() ? core::reshape(rows_, {rows_.size(), 1}) : core::ones({1, 1}, f64);
  Array scale = column_norms(at_.jacobian * weights);
  if (state.scale.defined()) {
    const Array outdated = core::greater(state.scale, scale_margin * scale);
    const Array kept = core::where(outdated, scale_kept * state.scale, state.scale);
    scale = core::maximum(std::move(scale), kept);
  }
  const Array zero = core::zeros({}, f64);
  const double largest = core::norm_inf(scale);
  state.scale = core::where(core::greater(scale, zero), scale, core::number(largest > 0 ? largest : 1, f64));
  if (!finite(state.scale)) return false;
  model_ = linearized(at_.jacobian, rows_, state.scale, free);
  return true;
}

bool LeastSquaresSolver::evaluate() {
  const LeastSquaresState kept = state;
  if (derive()) {
    failures_ = 0;
    return true;
  }
  at_ = std::move(*before_);
  derive();
  state = kept;
  ++failures_;
  state.damping *= std::pow(4, failures_);
  state.radius *= std::pow(0.25, failures_);
  return false;
}

double LeastSquaresSolver::gradient_size() const { return core::norm_inf(bounds_.projected_step(at_.x, at_.gradient)); }

double LeastSquaresSolver::scaled_length(const Array& step) const { return core::norm2(step * state.scale); }

/// The reduction of the value that the linear model predicts.
double LeastSquaresSolver::model_fall(const Array& step) const {
  const Array change = model_->forward(step);
  return -core::dot(at_.gradient, step) - 0.5 * core::dot(change, change);
}

/// Rounding error of the value, if the residuals are sums of terms of the size of themselves and of J x.
double LeastSquaresSolver::noise() const {
  const Array size = core::abs(at_.residuals);
  const Array weighted = at_.first.defined() ? at_.first * size : size;
  return epsilon_ * core::dot(weighted, size + reach_);
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

LeastSquaresSolver::Trial LeastSquaresSolver::attempt(const Array& step, double predicted) {
  Trial t;
  const Array wanted = at_.x + step;
  const Array x = f_.rounded(bounds_.project(wanted));
  t.step = x - at_.x;
  t.moved = core::norm_inf(t.step) > 0;
  t.predicted =
      bounds_.any() && core::norm_inf(x - wanted) > epsilon_ * core::norm_inf(wanted) ? model_fall(t.step) : predicted;
  if (t.moved && t.predicted > 0) t.to = evaluate(x);
  return t;
}

void LeastSquaresSolver::accept(Trial trial) { before_ = std::exchange(at_, std::move(trial.to)); }

std::optional<Array> LeastSquaresSolver::last_digits(double predicted) {
  constexpr double margin = 3;
  const double limit = margin * noise();
  if (predicted > limit) return {};
  const double rcond =
      options_.products ? 1e-3 * epsilon_ : 0x1p-52 * static_cast<double>(std::max(at_.residuals.size(), at_.x.size()));
  Array step = model_->undamped(target_, rcond);
  if (!finite(step) || model_fall(step) > 10 * limit) return {};
  return step;
}

/// Gauss-Newton steps where rounding hides changes of the value: the length of the step estimates the distance to the
/// solution, and steps continue while it shrinks (Deuflhard 2004, section 2.1.2: natural monotonicity).
LeastSquaresMove LeastSquaresSolver::polish(const Array& step) {
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
  accept(std::move(trial));
  return {.moved = true, .ratio = 1, .region = 0, .note = "polished"};
}

LeastSquaresMove LeastSquaresSolver::stuck(bool finite, double predicted) {
  if (!finite) return stopped(Status::not_finite, "after every step tried");
  if (contradicted(true) || contradicted(false)) return stopped(Status::wrong_gradient);
  if (predicted <= 10 * noise()) return stopped(Status::precision);
  const Array step = model_->undamped(target_, options_.products ? 1e-6 : 0x1p-46);
  const double left = model_fall(step);
  // Conjugate gradients on J^T J reach half of the digits.
  const double hidden = options_.products ? std::sqrt(epsilon_) : std::pow(epsilon_, 2.0 / 3);
  if (left <= hidden * at_.value) return stopped(Status::precision);
  return stopped(Status::no_progress);
}

bool LeastSquaresSolver::contradicted(bool downhill) {
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
  const Array terms = core::abs(at_.residuals) + reach_;
  const double rounding = 8 * epsilon_ * core::norm2(terms);
  double before = 0;
  for (const double h : {std::cbrt(epsilon_), std::cbrt(epsilon_) / 8}) {
    const Array up = f_.rounded(bounds_.project(at_.x + h * v));
    const Array down = f_.rounded(bounds_.project(at_.x - h * v));
    const Array change = f_.value(up) - f_.value(down);
    if (!finite(change)) return false;
    const Array linear = derivative_(up - down);
    const double error = core::norm2(change - linear);
    const double length = std::max(core::norm2(change), core::norm2(linear));
    if (error <= 0.1 * length + rounding) return false;
    // The error due to curvature shrinks with h.
    if (before > 0 && error / length < 0.5 * before) return false;
    before = error / length;
  }
  return true;
}

LeastSquaresMove LeastSquaresSolver::move(const std::function<std::optional<Status>()>& limit) {
  // Residuals smaller by twenty orders of magnitude than at the start, in f64: a perfect fit.
  if (at_.value <= epsilon_ * epsilon_ * 1e-8 * start_value_) return stopped(Status::precision);
  const std::int64_t inner = model_->inner;
  try {
    LeastSquaresMove m = options_.method == LeastSquaresMethod::gauss_newton ? gauss_newton(limit)
                         : options_.method == LeastSquaresMethod::dogleg     ? dogleg(limit)
                                                                             : levenberg_marquardt(limit);
    m.inner = model_->inner - inner;
    return m;
  } catch (const NumericalError&) {
    return stopped(Status::not_finite, "the linear model around this point");
  }
}

void LeastSquaresSolver::damp() noexcept {
  state.damping *= state.growth;
  state.growth *= 2;
}

std::optional<Array> LeastSquaresSolver::accelerated(const Array& step, double accuracy) {
  Array second = f_.curvature(at_.x, step);
  if (!finite(second)) return {};
  if (rows_.defined()) second = std::move(second) * rows_;
  const Array a = model_->damped(second, state.damping, accuracy);
  if (!finite(a) || scaled_length(a) > max_acceleration * scaled_length(step)) return {};
  return step + 0.5 * a;
}

LeastSquaresMove LeastSquaresSolver::levenberg_marquardt(const std::function<std::optional<Status>()>& limit) {
  bool any_finite = false;
  double first_predicted = std::numeric_limits<double>::infinity();  // by the first step
  for (int trial = 0; trial < max_trials; ++trial, damp()) {
    if (const auto status = limit()) return stopped(*status);
    const double accuracy = options_.products ? std::min(0.01, std::sqrt(epsilon_)) : 0;
    const Array step = model_->damped(target_, state.damping, accuracy);
    if (!finite(step)) continue;
    const Array change = model_->forward(step);
    const double length = scaled_length(step);
    const double predicted = 0.5 * core::dot(change, change) + state.damping * length * length;
    if (trial == 0) first_predicted = predicted;
    if (const auto last = last_digits(predicted)) return polish(*last);
    if (negligible(step)) return trial == 0 ? stopped(Status::precision) : stuck(any_finite, first_predicted);

    std::optional<Array> taken = step;
    const bool correct = options_.acceleration && !options_.products && predicted > 1e-8 * at_.value;
    if (correct) taken = accelerated(step, accuracy);
    if (!taken) {
      any_finite = true;
      continue;
    }
    Trial t = attempt(*taken, predicted);
    if (!t.moved) return trial == 0 ? stopped(Status::precision) : stuck(any_finite, first_predicted);
    if (!t.to.x.defined() || !finite(t.to)) continue;
    any_finite = true;
    const double ratio = (at_.value - t.to.value) / t.predicted;
    if (!(ratio > min_ratio)) continue;
    LeastSquaresMove moved{.moved = true,
                           .ratio = ratio,
                           .region = state.damping,
                           .note = trial > 0 ? fmt::format("{} rejected", trial) : std::string()};
    state.damping = std::max(state.damping * std::max(1.0 / 3, 1 - std::pow(2 * ratio - 1, 3)), 1e-25);
    state.growth = 2;
    accept(std::move(t));
    return moved;
  }
  return stuck(any_finite, first_predicted);
}

LeastSquaresMove LeastSquaresSolver::gauss_newton(const std::function<std::optional<Status>()>& limit) {
  constexpr double sufficient = 1e-4;
  const Array step = model_->undamped(target_, options_.products ? 1e-3 * std::sqrt(epsilon_) : 0x1p-46);
  if (!finite(step)) return stopped(Status::not_finite, "the Gauss-Newton step");
  if (const auto last = last_digits(model_fall(step))) return polish(*last);
  bool any_finite = false;
  double part = 1;
  for (int trial = 0; trial < max_trials; ++trial) {
    if (const auto status = limit()) return stopped(*status);
    const Array shorter = part * step;
    Trial t;
    if (!negligible(shorter)) t = attempt(shorter, std::numeric_limits<double>::min());
    if (!t.moved) {
      any_finite |= trial == 0;  // nothing was evaluated, so nothing was not finite
      break;
    }
    const double slope = -core::dot(at_.gradient, t.step);
    if (!t.to.x.defined() || !finite(t.to)) {
      part *= 0.25;
      continue;
    }
    any_finite = true;
    const double reduction = at_.value - t.to.value;
    if (reduction > 0 && reduction >= sufficient * slope && slope > 0) {
      accept(std::move(t));
      return {.moved = true, .ratio = part};
    }
    // The minimum of the parabola through both values and the first slope.
    const double best = 0.5 * slope / (slope - reduction);
    part *= std::isfinite(best) ? std::clamp(best, 0.1, 0.5) : 0.1;
  }
  return stuck(any_finite, model_fall(step));
}

LeastSquaresMove LeastSquaresSolver::dogleg(const std::function<std::optional<Status>()>& limit) {
  const Array newton = model_->undamped(target_, options_.products ? 1e-3 * std::sqrt(epsilon_) : 0x1p-46);
  if (!finite(newton)) return stopped(Status::not_finite, "the Gauss-Newton step");
  if (const auto last = last_digits(model_fall(newton))) return polish(*last);
  Array down = -(at_.gradient / core::square(state.scale));
  if (const Array free = bounds_.free(at_.x, at_.gradient); free.defined()) down = std::move(down) * free;
  const double slope = -core::dot(at_.gradient, down);
  const Array along = model_->forward(down);
  const double curvature = core::dot(along, along);
  if (!(slope > 0)) return stuck(true, 0);
  const Array cauchy = (curvature > 0 ? slope / curvature : 1) * down;
  const double newton_length = scaled_length(newton);
  const double cauchy_length = scaled_length(cauchy);
  if (state.radius == 0) {
    const double length = scaled_length(at_.x);
    state.radius = length > 0 ? length : 1;
  }

  bool any_finite = false;
  double first_predicted = std::numeric_limits<double>::infinity();  // by the first step
  for (int trial = 0; trial < max_trials; ++trial) {
    if (const auto status = limit()) return stopped(*status);
    Array step;
    if (newton_length <= state.radius) {
      step = newton;
    } else if (cauchy_length >= state.radius) {
      step = state.radius / cauchy_length * cauchy;
    } else {
      // |cauchy + t (newton - cauchy)| = radius.
      const Array leg = newton - cauchy;
      const Array leg_scaled = leg * state.scale;
      const double a = core::dot(leg_scaled, leg_scaled);
      const double b = core::dot(cauchy * state.scale, leg_scaled);
      const double c = (state.radius - cauchy_length) * (state.radius + cauchy_length);
      const double root = std::sqrt(b * b + a * c);
      step = cauchy + (b > 0 ? c / (b + root) : (root - b) / a) * leg;
    }
    const double predicted = model_fall(step);
    if (trial == 0) first_predicted = predicted;
    Trial t;
    if (!negligible(step)) t = attempt(step, predicted);
    if (!t.moved) {
      any_finite |= trial == 0;
      break;
    }
    if (t.to.x.defined() && finite(t.to)) {
      any_finite = true;
      const double ratio = (at_.value - t.to.value) / t.predicted;
      const double length = scaled_length(t.step);
      if (ratio > min_ratio) {
        LeastSquaresMove moved{.moved = true,
                               .ratio = ratio,
                               .region = state.radius,
                               .note = trial > 0 ? fmt::format("{} rejected", trial) : std::string()};
        if (ratio < 0.25) state.radius = 0.25 * length;
        if (ratio > 0.75) state.radius = std::max(state.radius, 3 * length);
        accept(std::move(t));
        return moved;
      }
      state.radius = 0.25 * std::min(length, state.radius);
    } else {
      state.radius *= 0.25;
    }
  }
  return stuck(any_finite, first_predicted);
}

}  // namespace newtape::optim
