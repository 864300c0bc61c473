// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};  ///< decay of the running means of the gradient and of its square
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * p to the gradient

  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay);
  }
};

/// Kingma & Ba 2015, algorithm 1.
class Adam : public OptimizerOf<AdamOptions> {
 public:
  explicit Adam(std::vector<Parameter> params, const AdamOptions& options = {});
  explicit Adam(const std::vector<ParamGroup<AdamOptions>>& groups);

 protected:
  std::size_t moment_count(std::size_t) const override { return 2; }
  void update(Slot& slot) override;
};

struct AdamWOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;  ///< multiplies p by 1 - lr * weight_decay before each step

  void validate() const;
  template <class F>
  void each(F&& f) {
    f("lr", lr), f("beta1", betas.first), f("beta2", betas.second), f("eps", eps), f("weight_decay", weight_decay);
  }
};

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).
class AdamW : public OptimizerOf<AdamWOptions> {
 public:
  explicit AdamW(std::vector<Parameter> params, const AdamWOptions& options = {});
  explicit AdamW(const std::vector<ParamGroup<AdamWOptions>>& groups);

 protected:
  std::size_t moment_count(std::size_t) const override { return 2; }
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
