// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

/// The minimiser of the linear model along the scaled steepest descent; undefined when there is no descent.
Array LeastSquaresSolver::cauchy_point() const {
  Array down = -(at_.gradient / core::square(state.scale));
  if (const Array free = bounds_.free(at_.x, at_.gradient); free.defined()) down = std::move(down) * free;
  const double slope = -core::dot(at_.gradient, down);
  if (!(slope > 0)) return {};
  const Array along = model_->forward(down);
  const double curvature = core::dot(along, along);
  return (curvature > 0 ? slope / curvature : 1) * down;
}

/// The point of the path 0, cauchy, end whose scaled length is the radius; the end if that is shorter.
Array LeastSquaresSolver::dogleg_step(const Array& cauchy, const Array& end) const {
  const double cauchy_length = scaled_length(cauchy);
  if (scaled_length(end) <= state.radius) return end;
  if (cauchy_length >= state.radius) return state.radius / cauchy_length * cauchy;
  // |cauchy + t (end - cauchy)| = radius.
  const Array leg = end - cauchy;
  const Array leg_scaled = leg * state.scale;
  const double a = core::dot(leg_scaled, leg_scaled);
  const double b = core::dot(cauchy * state.scale, leg_scaled);
  const double c = (state.radius - cauchy_length) * (state.radius + cauchy_length);
  const double root = std::sqrt(b * b + a * c);
  return cauchy + (b > 0 ? c / (b + root) : (root - b) / a) * leg;
}

/// The end of the path, with a scaled length of at most `far` radii. A longer Gauss-Newton step lies along directions in
/// which the Jacobian nearly vanishes, as where two columns are nearly equal, and so would all of the path beyond the
/// Cauchy point: its steps would gain little. Damping shortens it in these directions only (Levenberg 1944). At least
/// 2.5 radii remain, so that the end is lower than the Cauchy point.
void LeastSquaresSolver::shorten(Array& end, const Array& cauchy) {
  constexpr double far = 10;
  if (!(scaled_length(end) > far * state.radius)) return;
  const Array along = model_->forward(cauchy);
  const double length = scaled_length(cauchy);
  const double most = core::dot(along, along) / (length * length);  // the Jacobian's square there
  const double least = 0x1p-46 * most;
  const double accuracy = options_.products ? std::min(0.01, std::sqrt(epsilon_)) : 0;
  path_damping_ = std::max(path_damping_ / 64, least);
  while (scaled_length(end) > far * state.radius && path_damping_ < most) {
    Array damped = model_->damped(target_, path_damping_, accuracy);
    if (finite(damped)) end = std::move(damped);
    path_damping_ *= 4;
  }
}

LeastSquaresStepResult LeastSquaresSolver::dogleg() {
  const Array newton = undamped_step();
  if (!finite(newton)) return stopped(Status::not_finite, "the Gauss-Newton step");
  if (const auto last = last_digits(predicted_reduction(newton))) return polish(*last);
  const Array cauchy = cauchy_point();
  if (!cauchy.defined()) return no_step(true, 0);
  if (state.radius == 0) {
    const double length = scaled_length(at_.x);
    state.radius = length > 0 ? length : 1;
  }

  bool any_finite = false;
  double first_predicted = std::numeric_limits<double>::infinity();  // by the first step
  Array end = newton;
  for (int trial = 0; trial < max_trials; ++trial) {
    shorten(end, cauchy);
    const Array step = dogleg_step(cauchy, end);
    const double predicted = predicted_reduction(step);
    if (trial == 0) first_predicted = predicted;
    Trial t;
    if (!negligible(step)) t = attempt(step, predicted);
    if (!t.moved) {
      any_finite |= trial == 0;  // nothing was evaluated, so nothing was not finite
      break;
    }
    if (!t.to.x.defined() || !finite(t.to)) {
      state.radius *= 0.25;
      continue;
    }
    any_finite = true;
    const double ratio = (at_.value - t.to.value) / t.predicted;
    const double length = scaled_length(t.step);
    if (!(ratio > min_ratio)) {
      state.radius = 0.25 * std::min(length, state.radius);
      continue;
    }
    LeastSquaresStepResult moved{.moved = true,
                                 .ratio = ratio,
                                 .region = state.radius,
                                 .note = trial > 0 ? fmt::format("{} rejected", trial) : std::string()};
    if (ratio < 0.25) state.radius = 0.25 * length;
    if (ratio > 0.75) state.radius = std::max(state.radius, 3 * length);
    accept(std::move(t), trial > 0 ? 0 : ratio);
    return moved;
  }
  return no_step(any_finite, first_predicted);
}

}  // namespace newtape::optim
