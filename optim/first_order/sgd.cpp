// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <limits>
#include <string>

namespace newtape::optim {

template <>
struct OptionsTraits<SGDOptions> {
  static constexpr const char* name = "SGD";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"momentum_buffer"}; }
  static void validate(const SGDOptions& o) {
    if (o.nesterov && (o.momentum == 0 || o.dampening != 0)) {
      raise<ValueError>("SGD: nesterov requires momentum without dampening", "momentum > 0 and dampening = 0",
                        "momentum " + std::to_string(o.momentum) + ", dampening " + std::to_string(o.dampening));
    }
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("momentum", o.momentum), f("dampening", o.dampening, Range{-infinity, infinity}),
        f("weight_decay", o.weight_decay), f("nesterov", o.nesterov);
  }
};
template class OptimizerOf<SGDOptions>;

std::string SGD::rows_problem(const Slot& s) const {
  const auto& o = options_[s.group];
  if (o.momentum != 0) return "momentum moves the other rows, too";
  return o.weight_decay != 0 ? "weight_decay moves the other rows, too" : "";
}

void SGD::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.rows.defined()) {
    const core::rules::SGD rule{.lr = o.lr, .weight_decay = 0};
    return core::update_rows("SGD", rule, s.param.writable(), s.rows, s.grad, {}, *queue());
  }
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
