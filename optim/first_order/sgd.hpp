// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;     ///< of the gradient's contribution to the momentum
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  bool nesterov = false;    ///< needs momentum > 0 and dampening = 0
};

extern template class OptimizerOf<SGDOptions>;
/// Stochastic gradient descent, with PyTorch's momentum: v = momentum v + (1 - dampening) g, p -= lr v (Sutskever et
/// al. 2013). Takes gradients in rows without momentum and weight decay, and then touches only those rows.
class SGD : public OptimizerOf<SGDOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t) const override { return options_[slot.group].momentum != 0; }
  std::string rows_problem(const Slot& slot) const override;
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
