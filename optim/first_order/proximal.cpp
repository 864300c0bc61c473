// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<ProximalSGDOptions> {
  static constexpr const char* name = "ProximalSGD";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"momentum_buffer"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("l1", o.l1), f("momentum", o.momentum, below_one), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<ProximalSGDOptions>;

template <>
struct OptionsTraits<ProximalAdamOptions> {
  static constexpr const char* name = "ProximalAdam";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("l1", o.l1), each_beta(o, f), f("eps", o.eps), f("weight_decay", o.weight_decay),
        f("scaled", o.scaled);
  }
};
template class OptimizerOf<ProximalAdamOptions>;

void ProximalSGD::update(Slot& s) {
  const auto& o = options_[s.group];
  core::sgd_step(s.param.writable(), s.grad, s.moments[0],
                 {.lr = o.lr,
                  .momentum = o.momentum,
                  .dampening = o.momentum,
                  .weight_decay = o.weight_decay,
                  .nesterov = false,
                  .first = s.fresh(0),
                  .threshold = o.lr * o.l1},
                 queue());
}

void ProximalAdam::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto bias = [&](double beta) { return 1 - std::pow(beta, static_cast<double>(s.steps)); };
  const core::AdamStep adam{.lr = o.lr,
                            .beta1 = o.betas.first,
                            .beta2 = o.betas.second,
                            .eps = o.eps,
                            .decay = o.lr * o.weight_decay,
                            .l2 = 0,
                            .bias1 = bias(o.betas.first),
                            .bias2 = bias(o.betas.second)};
  const double threshold = o.lr * o.l1;
  const core::rules::AdamL1 rule{
      .adam = adam.rule(), .scaled = o.scaled ? threshold : 0, .plain = o.scaled ? 0 : threshold};
  core::update("ProximalAdam", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

}  // namespace newtape::optim
