// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/optim/second_order/argmin.hpp>

namespace newtape::optim {

std::vector<Tensor> argmin(
    const Located<std::function<Tensor(std::span<const Tensor> x, std::span<const Tensor> theta)>>& f,
    std::span<const Tensor> x0, std::span<const Tensor> theta, const ArgminOptions& options) {
  if (!options.minimize.lower.empty() || !options.minimize.upper.empty()) {
    raise<ValueError>("argmin: bounds are not allowed", "none", "lower or upper");
  }
  const Equation stationary = [f](std::span<const Tensor> x, std::span<const Tensor> parameters) {
    return grad([&](std::span<const Tensor> xs) { return f(xs, parameters); })(x);
  };
  const auto solver = [&](std::span<const Tensor> parameters) {
    Result found = minimize([&](std::span<const Tensor> xs) { return f(xs, parameters); }, x0, options.minimize);
    if (!found.converged()) raise<NumericalError>("argmin: the minimisation did not converge", {}, found.message);
    return found.xs;
  };
  LinearSolveOptions linear = options.linear;
  linear.symmetric = true;
  return newtape::detail::with_functions("argmin", [&] { return custom_root(stationary, solver, theta, linear); });
}

Tensor argmin(const Located<std::function<Tensor(const Tensor& x, const Tensor& theta)>>& f, const Tensor& x0,
              const Tensor& theta, const ArgminOptions& options) {
  return argmin([f](std::span<const Tensor> x, std::span<const Tensor> parameters) { return f(x[0], parameters[0]); },
                std::span(&x0, 1), std::span(&theta, 1), options)[0];
}

}  // namespace newtape::optim
