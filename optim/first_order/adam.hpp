// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient
  bool amsgrad = false;     ///< divides by the largest second moment so far (Reddi et al. 2018)

  static constexpr const char* name = "Adam";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay),
        f("amsgrad", amsgrad);
  }
};

extern template class OptimizerOf<AdamOptions>;
/// Adam (Kingma & Ba 2015), algorithm 1.
class Adam : public OptimizerOf<AdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override { return k < 2 || options_[slot.group].amsgrad; }
  void update(Slot& slot) override;
};

struct AdamWOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;  ///< multiplies p by 1 - lr * weight_decay before each step
  bool amsgrad = false;        ///< divides by the largest second moment so far (Reddi et al. 2018)

  static constexpr const char* name = "AdamW";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay),
        f("amsgrad", amsgrad);
  }
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

  static constexpr const char* name = "NAdam";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static std::vector<const char*> scalars() { return {"mu_product"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay),
        f("momentum_decay", momentum_decay);
  }
};

extern template class OptimizerOf<NAdamOptions>;
/// Adam with Nesterov's momentum and its schedule (Dozat 2016).
class NAdam : public OptimizerOf<NAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

struct RAdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient

  static constexpr const char* name = "RAdam";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay);
  }
};

extern template class OptimizerOf<RAdamOptions>;
/// Rectified Adam: adaptive only where the variance of the second moment is tractable (Liu et al. 2020, algorithm 2).
class RAdam : public OptimizerOf<RAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
