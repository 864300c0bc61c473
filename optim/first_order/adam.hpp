// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

/// How weight decay acts: it adds weight_decay * p to the gradient, or multiplies p by 1 - lr * weight_decay before each
/// step (decoupled: Loshchilov & Hutter 2019).
enum class WeightDecay { l2, decoupled };

/// The options of Adam and AdamW, which differ in the kind of their weight decay and its default.
template <WeightDecay kind>
struct AdamOptionsOf {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = kind == WeightDecay::decoupled ? 0.01 : 0;
  bool amsgrad = false;  ///< divides by the largest second moment so far (Reddi et al. 2018)
};
using AdamOptions = AdamOptionsOf<WeightDecay::l2>;
using AdamWOptions = AdamOptionsOf<WeightDecay::decoupled>;

extern template class OptimizerOf<AdamOptions>;
/// Adam (Kingma & Ba 2015), algorithm 1.
class Adam : public OptimizerOf<AdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override { return k < 2 || options_[slot.group].amsgrad; }
  void update(Slot& slot) override;
};

extern template class OptimizerOf<AdamWOptions>;
/// Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).
class AdamW : public OptimizerOf<AdamWOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override { return k < 2 || options_[slot.group].amsgrad; }
  void update(Slot& slot) override;
};

struct NAdamOptions {
  double lr = 2e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  double momentum_decay = 4e-3;
};

extern template class OptimizerOf<NAdamOptions>;
/// Adam with Nesterov's momentum and its schedule (Dozat 2016).
class NAdam : public OptimizerOf<NAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

/// Where RAdam and LAMB add weight_decay * p.
enum class DecayTarget { gradient, direction };

/// The options of RAdam and LAMB, which differ in what weight decay adds to and in the default of `eps`.
template <DecayTarget target>
struct RateOptionsOf {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = target == DecayTarget::gradient ? 1e-8 : 1e-6;
  double weight_decay = 0;
};
using RAdamOptions = RateOptionsOf<DecayTarget::gradient>;
using LAMBOptions = RateOptionsOf<DecayTarget::direction>;

extern template class OptimizerOf<RAdamOptions>;
/// Rectified Adam: adaptive only where the variance of the second moment is tractable (Liu et al. 2020, algorithm 2).
class RAdam : public OptimizerOf<RAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

extern template class OptimizerOf<LAMBOptions>;
/// Layer-wise adapted Adam for large batches (You et al. 2020, algorithm 2): each parameter's step is as long as lr
/// times its norm.
class LAMB : public OptimizerOf<LAMBOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
