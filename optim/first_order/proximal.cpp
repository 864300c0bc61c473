// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/proximal.hpp>

#include <array>
#include <cmath>

namespace newtape::optim {

template class OptimizerOf<ProximalSgdOptions>;
template class OptimizerOf<ProximalAdamOptions>;

void ProximalSgdOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "l1", l1);
  check_option(name, "momentum", momentum, 0, 1);
  check_option(name, "weight_decay", weight_decay);
}

void ProximalAdamOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "l1", l1);
  check_option(name, "betas.first", betas.first, 0, 1);
  check_option(name, "betas.second", betas.second, 0, 1);
  check_option(name, "eps", eps);
  check_option(name, "weight_decay", weight_decay);
}

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
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const double threshold = o.lr * o.l1;
  const std::array factors{0.0,
                           o.betas.first,
                           o.betas.second,
                           o.lr / bias(o.betas.first),
                           1 - o.lr * o.weight_decay,
                           o.eps,
                           1 / bias(o.betas.second),
                           o.scaled ? threshold : 0,
                           o.scaled ? 0 : threshold};
  core::update("ProximalAdam", core::UpdateRule::adam_l1, s.param.writable(), s.grad, state, factors, queue());
}

}  // namespace newtape::optim
