// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <array>
#include <cmath>

namespace newtape::optim {

template class OptimizerOf<AdamOptions>;
template class OptimizerOf<AdamWOptions>;
template class OptimizerOf<NAdamOptions>;
template class OptimizerOf<RAdamOptions>;

namespace {

template <class O>
void validate_adam(const O& o) {
  check_option(O::name, "lr", o.lr);
  check_option(O::name, "betas.first", o.betas.first, 0, 1);
  check_option(O::name, "betas.second", o.betas.second, 0, 1);
  check_option(O::name, "eps", o.eps);
  check_option(O::name, "weight_decay", o.weight_decay);
}

/// Bias correction after t steps of a moment that starts at 0: 1 - beta^t.
double bias(double beta, std::int64_t t) { return 1 - std::pow(beta, static_cast<double>(t)); }

template <class O, class Slot>
void update_adam(const O& o, double decay, double l2, Slot& s, core::UpdateQueue* queue) {
  const double bias1 = bias(o.betas.first, s.steps);
  const double bias2 = bias(o.betas.second, s.steps);
  if (!o.amsgrad) {
    core::adam_step(s.param.writable(), s.grad, s.moments[0], s.moments[1],
                    {.lr = o.lr,
                     .beta1 = o.betas.first,
                     .beta2 = o.betas.second,
                     .eps = o.eps,
                     .decay = decay,
                     .l2 = l2,
                     .bias1 = bias1,
                     .bias2 = bias2},
                    queue);
    return;
  }
  const std::array<Array*, 3> state{&s.moments[0], &s.moments[1], &s.moments[2]};
  const std::array factors{l2, o.betas.first, o.betas.second, o.lr / bias1, 1 - decay, o.eps, 1 / bias2};
  core::update(O::name, core::UpdateRule::amsgrad, s.param.writable(), s.grad, state, factors, queue);
}

}  // namespace

void AdamOptions::validate() const { validate_adam(*this); }
void AdamWOptions::validate() const { validate_adam(*this); }
void NAdamOptions::validate() const {
  validate_adam(*this);
  check_option(name, "momentum_decay", momentum_decay);
}
void RAdamOptions::validate() const { validate_adam(*this); }

void Adam::update(Slot& s) {
  const auto& o = options_[s.group];
  update_adam(o, 0, o.weight_decay, s, queue());
}

void AdamW::update(Slot& s) {
  const auto& o = options_[s.group];
  update_adam(o, o.lr * o.weight_decay, 0, s, queue());
}

void NAdam::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto mu = [&](std::int64_t t) {
    return o.betas.first * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * o.momentum_decay));
  };
  double& product = s.scalars[0];
  product = (s.steps == 1 ? 1 : product) * mu(s.steps);
  const double next = mu(s.steps + 1);
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const std::array factors{o.weight_decay,
                           o.betas.first,
                           o.betas.second,
                           o.lr * (1 - mu(s.steps)) / (1 - product),
                           o.lr * next / (1 - product * next),
                           o.eps,
                           1 / bias(o.betas.second, s.steps)};
  core::update("NAdam", core::UpdateRule::nadam, s.param.writable(), s.grad, state, factors, queue());
}

void RAdam::update(Slot& s) {
  const auto& o = options_[s.group];
  const double beta2 = o.betas.second;
  const double bias2 = bias(beta2, s.steps);
  // The length of the simple moving average that approximates the exponential one: eqs. 3 and 4 of the paper.
  const double longest = 2 / (1 - beta2) - 1;
  const auto t = static_cast<double>(s.steps);
  const double length = longest - 2 * t * std::pow(beta2, t) / bias2;
  const double lr = o.lr / bias(o.betas.first, s.steps);
  const bool adapts = length > 5;
  const double rectified =
      adapts ? std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) : 0;
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const std::array factors{o.weight_decay, o.betas.first, beta2, adapts ? 0 : lr, lr * rectified * std::sqrt(bias2),
                           o.eps};
  core::update("RAdam", core::UpdateRule::radam, s.param.writable(), s.grad, state, factors, queue());
}

}  // namespace newtape::optim
