// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<ProximalSGDOptions> {
  static constexpr const char* name = "ProximalSGD";
  static std::vector<const char*> moments() { return {"momentum_buffer"}; }
  static void validate(const ProximalSGDOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "l1", o.l1);
    check_option(name, "momentum", o.momentum, 0, 1);
    check_option(name, "weight_decay", o.weight_decay);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("l1", o.l1), f("momentum", o.momentum), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<ProximalSGDOptions>;

template <>
struct OptionsTraits<ProximalAdamOptions> {
  static constexpr const char* name = "ProximalAdam";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static void validate(const ProximalAdamOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "l1", o.l1);
    check_option(name, "betas.first", o.betas.first, 0, 1);
    check_option(name, "betas.second", o.betas.second, 0, 1);
    check_option(name, "eps", o.eps);
    check_option(name, "weight_decay", o.weight_decay);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("l1", o.l1), f("beta1", o.betas.first), f("beta2", o.betas.second), f("eps", o.eps),
        f("weight_decay", o.weight_decay), f("scaled", o.scaled);
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
