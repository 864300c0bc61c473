// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/solver.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

Array LeastSquaresSolver::undamped_step() const {
  // Singular values below this are rounding errors of the Jacobian.
  return model_->undamped(target_, options_.products ? 1e-3 * std::sqrt(epsilon_) : 64 * epsilon_);
}

LeastSquaresStepResult LeastSquaresSolver::gauss_newton() {
  constexpr double sufficient = 1e-4;
  const Array step = undamped_step();
  if (!finite(step)) return stopped(Status::not_finite, "the Gauss-Newton step");
  if (const auto last = last_digits(predicted_reduction(step))) return polish(*last);
  bool any_finite = false;
  double part = std::pow(0.25, failures_);
  for (int trial = 0; trial < max_trials; ++trial) {
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
      accept(std::move(t), part < 1 ? 0 : 1);
      return {.moved = true, .ratio = part};
    }
    // The minimum of the parabola through both values and the first slope.
    const double best = 0.5 * slope / (slope - reduction);
    part *= std::isfinite(best) ? std::clamp(best, 0.1, 0.5) : 0.1;
  }
  return no_step(any_finite, predicted_reduction(step));
}

}  // namespace newtape::optim
