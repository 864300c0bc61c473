// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/losses/loss_parts.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <cmath>
#include <numbers>

namespace newtape::nn {

namespace {
/// c (d - c / 2) with c = clip(d, -delta, delta).
Tensor huber(const Tensor& d, double delta) {
  const Tensor c = clip(d, -delta, delta);
  return c * (d - 0.5 * c);
}
}  // namespace

Tensor mse_loss(In input, In target, const MSELossOptions& options) {
  const CallSite here(input.location());
  if (is_floating(input.dtype())) {
    detail::check_pair("mse_loss", input, target, options.broadcast);
  } else {
    detail::check_shapes("mse_loss", input, target, options.broadcast);
  }
  return detail::reduce("mse_loss", square(std::move(input) - std::move(target)), options.reduction);
}

Tensor l1_loss(In input, In target, const L1LossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("l1_loss", input, target, options.broadcast);
  return detail::reduce("l1_loss", abs(std::move(input) - std::move(target)), options.reduction);
}

Tensor huber_loss(In input, In target, const HuberLossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("huber_loss", input, target, options.broadcast);
  if (!(options.delta > 0)) {
    raise<ValueError>("huber_loss: delta must be positive", {}, std::to_string(options.delta));
  }
  return detail::reduce("huber_loss", huber(std::move(input) - std::move(target), options.delta), options.reduction);
}

Tensor smooth_l1_loss(In input, In target, const SmoothL1LossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("smooth_l1_loss", input, target, options.broadcast);
  if (!(options.beta >= 0)) {
    raise<ValueError>("smooth_l1_loss: beta must not be negative", {}, std::to_string(options.beta));
  }
  const Tensor d = std::move(input) - std::move(target);
  if (options.beta == 0) return detail::reduce("smooth_l1_loss", abs(d), options.reduction);
  return detail::reduce("smooth_l1_loss", huber(d, options.beta) / options.beta, options.reduction);
}

Tensor gaussian_nll_loss(In input, In target, In var, const GaussianNLLLossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("gaussian_nll_loss", input, target, options.broadcast);
  detail::match_floats("gaussian_nll_loss", input, var);
  Tensor v = var;
  const Shape shape = broadcast_shapes("gaussian_nll_loss", input.shape(), target.shape());
  if (v.shape() != shape) {
    Shape one = shape;
    if (!one.empty()) {
      if (v.shape() == Shape(one.begin(), one.end() - 1)) v = unsqueeze(v, -1);
      one[one.size() - 1] = 1;
    }
    if (v.shape() != one) {
      raise<ShapeError>("gaussian_nll_loss: var must have the shape of the input",
                        to_string(shape) + ", or 1 as its last length", to_string(var.shape()));
    }
  }
  if (any(v.detach() < 0.0).item<bool>()) raise<ValueError>("gaussian_nll_loss: a variance must not be negative");
  // Clamps the value without changing the derivative: adds exactly 0 to variances above eps.
  v = v + (clip(v.detach(), options.eps, std::numeric_limits<double>::infinity()) - v.detach());
  const Tensor d = std::move(input) - std::move(target);
  Tensor losses = 0.5 * (log(v) + d / v * d);  // the square of d may overflow
  if (options.full) losses = losses + 0.5 * std::log(2 * std::numbers::pi);
  return detail::reduce("gaussian_nll_loss", std::move(losses), options.reduction);
}

Tensor poisson_nll_loss(In input, In target, const PoissonNLLLossOptions& options) {
  const CallSite here(input.location());
  detail::check_pair("poisson_nll_loss", input, target, options.broadcast);
  const Tensor& t = target;
  Tensor losses = options.log_input ? exp(input) - detail::strong_product(t, input)
                                    : input - detail::strong_product(t, log(input + options.eps));
  if (options.full) {
    const Tensor large = t > 1.0;
    const Tensor n = where(large, t, 2.0);
    losses = losses + where(large, n * log(n) - n + 0.5 * log(2 * std::numbers::pi * n), 0.0);
  }
  return detail::reduce("poisson_nll_loss", std::move(losses), options.reduction);
}

}  // namespace newtape::nn
