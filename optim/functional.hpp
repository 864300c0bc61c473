// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/// Optimizer steps as pure functions of tensors, so that a training run can be differentiated with respect to the
/// starting point, the data and the options, each of which may be a tensor.
///
///     std::vector<Tensor> w = {variable(start)};
///     optim::SGDState state;
///     for (int i = 0; i < 20; ++i) {
///       const auto g = grad(loss(w[0]), w, {.create_graph = true});
///       std::tie(w, state) = optim::sgd_update(w, g, std::move(state), {.lr = rate});
///     }
///     validation_loss(w[0]).backward();  // rate.grad() is the hypergradient
namespace newtape::optim {

/// A number, or a tensor of one element (of the parameters' dtype) that gradients flow back to.
class Hyper {
 public:
  Hyper(double number) : number_(number) {}
  Hyper(Tensor tensor) : tensor_(std::move(tensor)) {}

  /// As an operand, which refers to this object.
  In in() const { return tensor_.defined() ? In(tensor_) : In(number_); }
  bool is_zero() const { return !tensor_.defined() && number_ == 0; }
  /// 1 - x, and 1 - x^n.
  Hyper one_minus() const;
  Hyper one_minus(std::int64_t n) const;

 private:
  double number_ = 0;
  Tensor tensor_;
};

/// Options of sgd_update; see SGDOptions.
struct SGDHyper {
  Hyper lr = 1e-3;
  Hyper momentum = 0;
  Hyper dampening = 0;
  Hyper weight_decay = 0;
  bool nesterov = false;
};
/// State of sgd_update; the buffers are empty before the first step.
struct SGDState {
  std::vector<Tensor> momentum_buffer = {};
};

/// Returns the parameters after a step and the new state. A parameter with an undefined gradient is unchanged.
/// ValueError unless gradients and a state that is not empty have one entry for each parameter; ShapeError for a
/// gradient of another shape than its parameter.
std::pair<std::vector<Tensor>, SGDState> sgd_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                                    SGDState state, const SGDHyper& hyper = {});

/// Options of adam_update and adamw_update; see AdamOptions.
struct AdamHyper {
  Hyper lr = 1e-3;
  std::pair<Hyper, Hyper> betas = {0.9, 0.999};
  Hyper eps = 1e-8;
  Hyper weight_decay = 0;
};
/// State of adam_update and adamw_update; the moments are empty before the first step.
struct AdamState {
  std::vector<Tensor> exp_avg = {};
  std::vector<Tensor> exp_avg_sq = {};
  std::int64_t steps = 0;
};

/// The same for Adam, and with decoupled weight decay for AdamW. Where a second moment is 0, its square root has
/// derivative 0.
std::pair<std::vector<Tensor>, AdamState> adam_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                                      AdamState state, const AdamHyper& hyper = {});
std::pair<std::vector<Tensor>, AdamState> adamw_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                                                       AdamState state, const AdamHyper& hyper = {});

/// Options of rmsprop_update; see RMSpropOptions.
struct RMSpropHyper {
  Hyper lr = 1e-2;
  Hyper alpha = 0.99;
  Hyper eps = 1e-8;
  Hyper weight_decay = 0;
  Hyper momentum = 0;
};
/// State of rmsprop_update; the buffers are empty before the first step.
struct RMSpropState {
  std::vector<Tensor> square_avg = {};
  std::vector<Tensor> momentum_buffer = {};
};
/// sgd_update's counterpart for RMSprop.
std::pair<std::vector<Tensor>, RMSpropState> rmsprop_update(std::span<const Tensor> params,
                                                            std::span<const Tensor> grads, RMSpropState state,
                                                            const RMSpropHyper& hyper = {});

}  // namespace newtape::optim
