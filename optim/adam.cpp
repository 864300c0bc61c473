// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/update.hpp>
#include <newtape/optim/adam.hpp>

#include <cmath>
#include <limits>

namespace newtape::optim {

namespace {

template <class O>
void validate_adam(const std::string& name, const O& o) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  check_option((name + ": lr").c_str(), o.lr, 0, inf);
  check_option((name + ": betas.first").c_str(), o.betas.first, 0, 1);
  check_option((name + ": betas.second").c_str(), o.betas.second, 0, 1);
  check_option((name + ": eps").c_str(), o.eps, 0, inf);
  check_option((name + ": weight_decay").c_str(), o.weight_decay, 0, inf);
}

template <class O, class Slot>
void update_adam(const O& o, double decay, double l2, Slot& s) {
  const auto t = static_cast<double>(s.steps);
  core::adam_step(s.param.writable(), s.grad, s.moments[0], s.moments[1],
                  {.lr = o.lr,
                   .beta1 = o.betas.first,
                   .beta2 = o.betas.second,
                   .eps = o.eps,
                   .decay = decay,
                   .l2 = l2,
                   .bias1 = 1 - std::pow(o.betas.first, t),
                   .bias2 = 1 - std::pow(o.betas.second, t)});
}

}  // namespace

void AdamOptions::validate() const { validate_adam("Adam", *this); }
void AdamWOptions::validate() const { validate_adam("AdamW", *this); }

Adam::Adam(std::vector<Parameter> params, const AdamOptions& options)
    : Adam(std::vector<ParamGroup<AdamOptions>>{{std::move(params), options}}) {}
Adam::Adam(const std::vector<ParamGroup<AdamOptions>>& groups)
    : OptimizerOf("Adam", {"exp_avg", "exp_avg_sq"}, groups) {}
void Adam::update(Slot& s) {
  const auto& o = options_[s.group];
  update_adam(o, 0, o.weight_decay, s);
}

AdamW::AdamW(std::vector<Parameter> params, const AdamWOptions& options)
    : AdamW(std::vector<ParamGroup<AdamWOptions>>{{std::move(params), options}}) {}
AdamW::AdamW(const std::vector<ParamGroup<AdamWOptions>>& groups)
    : OptimizerOf("AdamW", {"exp_avg", "exp_avg_sq"}, groups) {}
void AdamW::update(Slot& s) {
  const auto& o = options_[s.group];
  update_adam(o, o.lr * o.weight_decay, 0, s);
}

}  // namespace newtape::optim
