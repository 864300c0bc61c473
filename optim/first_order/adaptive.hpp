// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;      ///< the rate at step t is lr / (1 + (t - 1) lr_decay)
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  double initial_accumulator_value = 0;
  double eps = 1e-10;
};

extern template class OptimizerOf<AdagradOptions>;
/// Adagrad (Duchi, Hazan & Singer 2011), the diagonal version. Takes gradients in rows without weight decay, and then
/// touches only those rows.
class Adagrad : public OptimizerOf<AdagradOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  std::string rows_problem(const Slot& slot) const override {
    return options_[slot.group].weight_decay != 0 ? "weight_decay moves the other rows, too" : "";
  }
  void update(Slot& slot) override;
};

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
};

extern template class OptimizerOf<AdadeltaOptions>;
/// Adadelta (Zeiler 2012), algorithm 1.
class Adadelta : public OptimizerOf<AdadeltaOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  double momentum = 0;
  bool centered = false;  ///< divides by the estimated variance, not by the mean of squares (Graves 2013)
};

extern template class OptimizerOf<RMSpropOptions>;
/// RMSprop (Tieleman & Hinton 2012).
class RMSprop : public OptimizerOf<RMSpropOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override {
    const auto& o = options_[slot.group];
    return k == 0 || (k == 1 ? o.momentum != 0 : o.centered);
  }
  void update(Slot& slot) override;
};

struct RpropOptions {
  double lr = 1e-2;
  std::pair<double, double> etas = {0.5, 1.2};  ///< factors of a step size on a change of sign, and without
  std::pair<double, double> step_sizes = {1e-6, 50};
};

extern template class OptimizerOf<RpropOptions>;
/// Resilient backpropagation (Riedmiller & Braun 1993): uses only signs of gradients; for full batches.
class Rprop : public OptimizerOf<RpropOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct AdamaxOptions {
  double lr = 2e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
};

extern template class OptimizerOf<AdamaxOptions>;
/// Adam with the largest gradient, which fades, in the place of the root of the mean of squares (Kingma & Ba 2015,
/// algorithm 2).
class Adamax : public OptimizerOf<AdamaxOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct ASGDOptions {
  double lr = 1e-2;
  double lambd = 1e-4;      ///< p is multiplied by 1 - lambd * (the rate of the step)
  double alpha = 0.75;      ///< the rate at step t is lr / (1 + lambd lr (t - 1))^alpha
  double t0 = 1e6;          ///< after so many steps the averages begin; before, they are the parameters
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
};

extern template class OptimizerOf<ASGDOptions>;
/// Averaged stochastic gradient descent (Polyak & Juditsky 1992, with the rates of Bottou 2010, as PyTorch): the averages
/// approach the minimum where the parameters move about it.
class ASGD : public OptimizerOf<ASGDOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  /// The averages of all parameters, in the order of params(); of those without a step yet the values themselves.
  std::vector<Array> averages() const;

 protected:
  void update(Slot& slot) override;
};

struct LionOptions {
  double lr = 1e-4;
  std::pair<double, double> betas = {0.9, 0.99};
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step
};

extern template class OptimizerOf<LionOptions>;
/// Lion (Chen et al. 2023): the sign of an interpolation between momentum and gradient.
class Lion : public OptimizerOf<LionOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
