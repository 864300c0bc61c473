// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::optim {

namespace {
constexpr double max_acceleration = 0.75;  // |D a| / |D s|, beyond which the second-order correction is rejected
constexpr double slow_progress = 0.2;      // of the value
constexpr double poor_prediction = 0.75;   // actual over predicted reduction
}  // namespace

void LeastSquaresSolver::damp() noexcept {
  state.damping *= state.growth;
  state.growth *= 2;
}

/// The second derivative of the residuals along the step: in f64 from one more evaluation (Transtrum and Sethna 2012,
/// section 2.2), for which f32 has too few digits. Undefined where rounding errors would be a noticeable part of it.
std::optional<Array> LeastSquaresSolver::curvature(const Array& step) {
  if (f_.dtype() != f64) return f_.curvature(at_.x, step);
  constexpr double longest = 0.1;  // of the step
  const double rounding = epsilon_ * core::norm2(core::abs(at_.residuals) + rounding_scale_);
  const double part = std::cbrt(rounding / core::norm2(derivative_(step)));
  if (!(part <= longest)) return {};
  const Array to = bounds_.project(at_.x + part * step);
  const Array change = f_.value(to, &Counts::products) - at_.residuals;
  return 2 / (part * part) * (change - derivative_(to - at_.x));
}

std::optional<Array> LeastSquaresSolver::accelerated(const Array& step, double accuracy) {
  std::optional<Array> second = curvature(step);
  if (!second || !finite(*second)) return step;
  if (rows_.defined()) second = std::move(*second) * rows_;
  const Array a = model_->damped(*second, state.damping, accuracy);
  if (!finite(a) || scaled_length(a) > max_acceleration * scaled_length(step)) return {};
  return step + 0.5 * a;
}

LeastSquaresStepResult LeastSquaresSolver::levenberg_marquardt() {
  bool any_finite = false;
  double first_predicted = std::numeric_limits<double>::infinity();  // by the first step
  for (int trial = 0; trial < max_trials; ++trial, damp()) {
    const double accuracy = options_.products ? std::min(0.01, std::sqrt(epsilon_)) : 0;
    const Array step = model_->damped(target_, state.damping, accuracy);
    if (!finite(step)) continue;
    const Array change = model_->forward(step);
    const double length = scaled_length(step);
    const double predicted = 0.5 * core::dot(change, change) + state.damping * length * length;
    if (trial == 0) first_predicted = predicted;
    if (const auto last = last_digits(predicted)) return polish(*last);
    if (negligible(step)) return trial == 0 ? stopped(Status::precision) : no_step(any_finite, first_predicted);

    std::optional<Array> taken = step;
    const bool correct = options_.acceleration && !options_.products && predicted > 1e-8 * at_.value;
    if (correct) taken = accelerated(step, accuracy);
    if (!taken) {
      any_finite = true;
      continue;
    }
    Trial t = attempt(*taken, predicted);
    if (!t.moved) return trial == 0 ? stopped(Status::precision) : no_step(any_finite, first_predicted);
    if (!t.to.x.defined() || !finite(t.to)) continue;
    any_finite = true;
    const double ratio = (at_.value - t.to.value) / t.predicted;
    if (!(ratio > min_ratio)) continue;
    LeastSquaresStepResult moved{.moved = true,
                                 .ratio = ratio,
                                 .region = state.damping,
                                 .note = trial > 0 ? fmt::format("{} rejected", trial) : std::string()};
    state.damping =
        std::max(state.damping * std::max(1.0 / 3, 1 - std::pow(2 * ratio - 1, 3)), std::numeric_limits<double>::min());
    state.growth = 2;
    // Little progress, less than J predicts: second derivatives count (Fletcher and Xu 1987, with a fifth as here).
    if (at_.value - t.to.value < slow_progress * at_.value && ratio < poor_prediction) state.equalized = true;
    accept(std::move(t), trial > 0 ? 0 : ratio);
    return moved;
  }
  return no_step(any_finite, first_predicted);
}

}  // namespace newtape::optim
