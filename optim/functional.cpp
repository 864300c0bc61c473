// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/optim/functional.hpp>

#include <cmath>
#include <string>

namespace newtape::optim {

Hyper Hyper::one_minus() const { return one_minus(1); }

Hyper Hyper::one_minus(std::int64_t n) const {
  const auto power = static_cast<double>(n);
  if (!tensor_.defined()) return 1 - std::pow(number_, power);
  return 1 - (n == 1 ? tensor_ : pow(tensor_, power));
}

namespace {

using Tensors = std::vector<Tensor>;

void check(const char* op, std::span<const Tensor> params, std::span<const Tensor> grads) {
  if (grads.size() != params.size()) {
    raise<ValueError>(std::string(op) + ": there must be one gradient for each parameter",
                      std::to_string(params.size()), std::to_string(grads.size()));
  }
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined() || grads[i].shape() == params[i].shape()) continue;
    raise<ShapeError>(std::string(op) + ": gradient " + std::to_string(i) + " must have its parameter's shape",
                      to_string(params[i].shape()), to_string(grads[i].shape()));
  }
}

/// Resizes an empty state to n undefined tensors; ValueError for a state of another size.
void resize_state(const char* op, Tensors& kept, std::size_t n) {
  if (kept.empty()) kept.resize(n);
  if (kept.size() == n) return;
  raise<ValueError>(std::string(op) + ": the state must have one entry for each parameter", std::to_string(n),
                    std::to_string(kept.size()));
}

Tensor with_penalty(const Tensor& g, const Tensor& p, const Hyper& weight_decay) {
  return weight_decay.is_zero() ? g : g + p * weight_decay.in();
}

/// beta m + (1 - beta) x, with m = 0 where it is undefined.
Tensor average(const Tensor& m, const Tensor& x, const Hyper& beta) {
  const Hyper one_minus_beta = beta.one_minus();
  const Tensor fresh = x * one_minus_beta.in();
  return m.defined() ? m * beta.in() + fresh : fresh;
}

/// The square root, with derivative 0 at 0.
Tensor root(const Tensor& v) {
  const Tensor positive = v > 0;
  return where(positive, sqrt(where(positive, v, 1)), 0);
}

std::pair<Tensors, AdamState> adam(const char* op, std::span<const Tensor> params, std::span<const Tensor> grads,
                                   AdamState state, const AdamHyper& h, bool decoupled) {
  check(op, params, grads);
  resize_state(op, state.exp_avg, params.size());
  resize_state(op, state.exp_avg_sq, params.size());
  ++state.steps;
  const auto& [beta1, beta2] = h.betas;
  const Hyper bias1 = beta1.one_minus(state.steps);
  const Hyper bias2 = beta2.one_minus(state.steps);
  Tensors next(params.begin(), params.end());
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    const Tensor& p = params[i];
    const Tensor g = decoupled ? grads[i] : with_penalty(grads[i], p, h.weight_decay);
    Tensor& m = state.exp_avg[i];
    Tensor& v = state.exp_avg_sq[i];
    m = average(m, g, beta1);
    v = average(v, g * g, beta2);
    const Tensor step = m / bias1.in() / (root(v / bias2.in()) + h.eps.in());
    next[i] = decoupled && !h.weight_decay.is_zero() ? p - (p * h.weight_decay.in() + step) * h.lr.in()
                                                     : p - step * h.lr.in();
  }
  return {std::move(next), std::move(state)};
}

}  // namespace

std::pair<Tensors, SGDState> sgd_update(std::span<const Tensor> params, std::span<const Tensor> grads, SGDState state,
                                        const SGDHyper& h) {
  check("sgd_update", params, grads);
  resize_state("sgd_update", state.momentum_buffer, params.size());
  const Hyper undamped = h.dampening.one_minus();
  Tensors next(params.begin(), params.end());
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    Tensor g = with_penalty(grads[i], params[i], h.weight_decay);
    if (!h.momentum.is_zero()) {
      Tensor& v = state.momentum_buffer[i];
      v = v.defined() ? v * h.momentum.in() + g * undamped.in() : g;
      g = h.nesterov ? g + v * h.momentum.in() : v;
    }
    next[i] = params[i] - g * h.lr.in();
  }
  return {std::move(next), std::move(state)};
}

std::pair<Tensors, AdamState> adam_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                          AdamState state, const AdamHyper& hyper) {
  return adam("adam_update", params, grads, std::move(state), hyper, false);
}

std::pair<Tensors, AdamState> adamw_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                           AdamState state, const AdamHyper& hyper) {
  return adam("adamw_update", params, grads, std::move(state), hyper, true);
}

std::pair<Tensors, RMSpropState> rmsprop_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                                RMSpropState state, const RMSpropHyper& h) {
  check("rmsprop_update", params, grads);
  resize_state("rmsprop_update", state.square_avg, params.size());
  resize_state("rmsprop_update", state.momentum_buffer, params.size());
  Tensors next(params.begin(), params.end());
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    const Tensor g = with_penalty(grads[i], params[i], h.weight_decay);
    Tensor& v = state.square_avg[i];
    v = average(v, g * g, h.alpha);
    Tensor step = g / (root(v) + h.eps.in());
    if (!h.momentum.is_zero()) {
      Tensor& buffer = state.momentum_buffer[i];
      step = buffer.defined() ? buffer * h.momentum.in() + step : step;
      buffer = step;
    }
    next[i] = params[i] - step * h.lr.in();
  }
  return {std::move(next), std::move(state)};
}

}  // namespace newtape::optim
