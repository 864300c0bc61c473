// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

/// Training with an l1 penalty that makes parameters exactly 0: a step along the loss's gradient, then the proximal map
/// of the penalty (soft thresholding). The loss must not contain the penalty. Parameters that should stay dense
/// (biases) go into a group with l1 = 0.
namespace newtape::optim {

struct ProximalSGDOptions {
  double lr = 1e-3;
  double l1 = 0;            ///< the penalty is l1 sum |p|
  double momentum = 0;      ///< steps along the average v = momentum v + (1 - momentum) g
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient: with l1, an elastic net
};

extern template class OptimizerOf<ProximalSGDOptions>;
/// Proximal stochastic gradient descent, p = shrink(p - lr v, lr l1): ISTA for full batches (Beck & Teboulle 2009, eq.
/// 1.4). Its momentum is an average, not SGD's sum, so that the penalty keeps its weight (as in Yang et al. 2020).
class ProximalSGD : public OptimizerOf<ProximalSGDOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t) const override { return options_[slot.group].momentum != 0; }
  void update(Slot& slot) override;
};

struct ProximalAdamOptions {
  double lr = 1e-3;
  double l1 = 0;  ///< the penalty is l1 sum |p|
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step
  bool scaled = true;       ///< divides the threshold like the gradient; else it is lr l1 for every element
};

extern template class OptimizerOf<ProximalAdamOptions>;
/// AdamW with the proximal map in Adam's own metric (Yun, Lozano & Yang 2021, algorithm 1): p = shrink(p - lr m / d, lr
/// l1 / d) with d = sqrt(v) + eps, both moments corrected. Its fixed points are the stationary points of the penalised
/// loss, unlike those with an unscaled threshold.
class ProximalAdam : public OptimizerOf<ProximalAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
