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

  static constexpr const char* name = "Adagrad";
  static std::vector<const char*> moments() { return {"sum"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("lr_decay", lr_decay), f("weight_decay", weight_decay),
        f("initial_accumulator_value", initial_accumulator_value), f("eps", eps);
  }
};

extern template class OptimizerOf<AdagradOptions>;
/// Adagrad (Duchi, Hazan & Singer 2011), the diagonal version.
class Adagrad : public OptimizerOf<AdagradOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient

  static constexpr const char* name = "Adadelta";
  static std::vector<const char*> moments() { return {"square_avg", "acc_delta"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("rho", rho), f("eps", eps), f("weight_decay", weight_decay);
  }
};

extern template class OptimizerOf<AdadeltaOptions>;
/// Adadelta (Zeiler 2012), algorithm 1.
class Adadelta : public OptimizerOf<AdadeltaOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct RmspropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  double momentum = 0;
  bool centered = false;  ///< divides by the estimated variance, not by the mean of squares (Graves 2013)

  static constexpr const char* name = "RMSprop";
  static std::vector<const char*> moments() { return {"square_avg", "momentum_buffer", "grad_avg"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("alpha", alpha), f("eps", eps), f("weight_decay", weight_decay), f("momentum", momentum),
        f("centered", centered);
  }
};

extern template class OptimizerOf<RmspropOptions>;
/// RMSprop (Tieleman & Hinton 2012).
class RMSprop : public OptimizerOf<RmspropOptions> {
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

  static constexpr const char* name = "Rprop";
  static std::vector<const char*> moments() { return {"prev", "step_size"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("eta_minus", etas.first), f("eta_plus", etas.second), f("step_min", step_sizes.first),
        f("step_max", step_sizes.second);
  }
};

extern template class OptimizerOf<RpropOptions>;
/// Resilient backpropagation (Riedmiller & Braun 1993): uses only signs of gradients; for full batches.
class Rprop : public OptimizerOf<RpropOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct LionOptions {
  double lr = 1e-4;
  std::pair<double, double> betas = {0.9, 0.99};
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step

  static constexpr const char* name = "Lion";
  static std::vector<const char*> moments() { return {"exp_avg"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("weight_decay", weight_decay);
  }
};

extern template class OptimizerOf<LionOptions>;
/// Lion (Chen et al. 2023): the sign of an interpolation between momentum and gradient.
class Lion : public OptimizerOf<LionOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct LambOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-6;
  double weight_decay = 0;  ///< adds weight_decay * p to the direction

  static constexpr const char* name = "LAMB";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay);
  }
};

extern template class OptimizerOf<LambOptions>;
/// Layer-wise adapted Adam for large batches (You et al. 2020, algorithm 2): each parameter's step is as long as lr
/// times its norm.
class LAMB : public OptimizerOf<LambOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
