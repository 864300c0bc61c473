// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct AdamWScheduleFreeOptions {
  double lr = 2.5e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;     ///< adds weight_decay * p to the normalised gradient
  double warmup_steps = 0;     ///< steps of linear warm-up
  double r = 0;                ///< weight of step t in the average: t^r
  double weight_lr_power = 2;  ///< ... times the largest rate so far to this power
};

extern template class OptimizerOf<AdamWScheduleFreeOptions>;
/// AdamW without a schedule (Defazio et al. 2024, The Road Less Scheduled): in training the parameters are the points
/// at which gradients are taken; `eval()` replaces them by the averages to evaluate, and `train()` undoes that.
/// ValueError for step() after eval().
class AdamWScheduleFree : public OptimizerOf<AdamWScheduleFreeOptions> {
 public:
  using OptimizerOf::OptimizerOf;

  /// Switches the parameters to the averages, and back.
  void eval() { switch_to(true); }
  void train() { switch_to(false); }

 protected:
  void update(Slot& slot) override;
  void check_step() const override;

 private:
  void switch_to(bool average);
};

}  // namespace newtape::optim
