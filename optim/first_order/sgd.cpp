// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <limits>

namespace newtape::optim {

template class OptimizerOf<SgdOptions>;

void SgdOptions::validate() const {
  constexpr double inf = std::numeric_limits<double>::infinity();
  check_option(name, "lr", lr);
  check_option(name, "momentum", momentum);
  check_option(name, "dampening", dampening, -inf, inf);
  check_option(name, "weight_decay", weight_decay);
  if (nesterov && (momentum == 0 || dampening != 0)) {
    raise<ValueError>("SGD: nesterov requires momentum without dampening", "momentum > 0 and dampening = 0",
                      "momentum " + std::to_string(momentum) + ", dampening " + std::to_string(dampening));
  }
}

void SGD::update(Slot& s) {
  const auto& o = options_[s.group];
  core::sgd_step(s.param.writable(), s.grad, s.moments[0],
                 {.lr = o.lr,
                  .momentum = o.momentum,
                  .dampening = o.dampening,
                  .weight_decay = o.weight_decay,
                  .nesterov = o.nesterov,
                  .first = s.fresh(0)},
                 queue());
}

}  // namespace newtape::optim
