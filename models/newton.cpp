// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/models/newton.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <fmt/format.h>

#include <cmath>

namespace newtape::models {

namespace {

struct Direction {
  Tensor d;
  double damping;
};

/// -hessian^-1 gradient, with the smallest tried damping of the diagonal that makes the matrix positive definite.
Direction direction_from(const Tensor& hessian, const Tensor& gradient) {
  double damping = 0;
  const Tensor unit = eye(hessian.shape(0), hessian.dtype());
  const double scale = max(diagonal(hessian)).item();
  while (true) {
    try {
      const Tensor l = linalg::cholesky(damping == 0 ? hessian : hessian + damping * unit);
      return {-linalg::cholesky_solve(gradient, l), damping};
    } catch (const NumericalError&) {
      damping = damping == 0 ? 10 * epsilon(hessian.dtype()) * scale : 100 * damping;
      if (!(damping <= 1e6 * scale)) throw;
    }
  }
}

}  // namespace

NewtonResult newton(const NewtonProblem& f, const Tensor& start, const NewtonOptions& options) {
  const NoGrad off;
  const bool wide = start.dtype() == f64;
  const double tolerance = options.tolerance > 0 ? options.tolerance : wide ? 1e-12 : 1e-5;
  NewtonResult result{start.detach(), false, {}};
  for (int iteration = 0;; ++iteration) {
    const auto [value, gradient, hessian] = f.derivatives(result.x);
    NewtonIteration now{value.item(), max(abs(gradient)).item()};
    const double noise = 8 * epsilon(start.dtype()) * std::abs(now.loss);
    result.converged = now.gradient <= tolerance;
    bool stop = result.converged || iteration >= options.max_iterations || !std::isfinite(now.gradient);
    if (!stop && !result.trace.empty()) {
      const auto& before = result.trace.back();
      stop = now.gradient > before.gradient / 2 && before.loss - now.loss <= noise;
    }
    if (!stop) {
      const auto [d, damping] = direction_from(hessian, gradient);
      const double slope = sum(gradient * d).item();
      now.damping = damping;
      for (double t = 1; t > 1e-10; t /= 2) {
        const Tensor x = result.x + t * d;
        if (f.value(x).item() <= now.loss + 1e-4 * t * slope + noise) {
          now.step = t;
          result.x = x;
          break;
        }
      }
      stop = now.step == 0;
    }
    result.trace.push_back(now);
    if (stop) return result;
  }
}

std::string to_string(const std::vector<NewtonIteration>& trace) {
  std::string text = fmt::format("{:>4} {:>18} {:>10} {:>8} {:>8}\n", "", "loss", "gradient", "step", "damping");
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto& t = trace[i];
    text += fmt::format("{:4} {:18.12g} {:10.2e} {:8.3g} {:8.1e}\n", i, t.loss, t.gradient, t.step, t.damping);
  }
  return text;
}

}  // namespace newtape::models
