// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/adaptive.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace newtape::optim {

template class OptimizerOf<AdagradOptions>;
template class OptimizerOf<AdadeltaOptions>;
template class OptimizerOf<RmspropOptions>;
template class OptimizerOf<RpropOptions>;
template class OptimizerOf<LionOptions>;
template class OptimizerOf<LambOptions>;

void AdagradOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "lr_decay", lr_decay);
  check_option(name, "weight_decay", weight_decay);
  check_option(name, "initial_accumulator_value", initial_accumulator_value);
  check_option(name, "eps", eps);
}
void AdadeltaOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "rho", rho, 0, std::nextafter(1.0, 2.0));
  check_option(name, "eps", eps);
  check_option(name, "weight_decay", weight_decay);
}
void RmspropOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "alpha", alpha);
  check_option(name, "eps", eps);
  check_option(name, "weight_decay", weight_decay);
  check_option(name, "momentum", momentum);
}
void RpropOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "etas.first", etas.first, std::numeric_limits<double>::min(), 1);
  check_option(name, "etas.second", etas.second, std::nextafter(1.0, 2.0), std::numeric_limits<double>::infinity());
  check_option(name, "step_sizes.first", step_sizes.first);
  check_option(name, "step_sizes.second", step_sizes.second, step_sizes.first, std::numeric_limits<double>::infinity());
}
void LionOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "betas.first", betas.first, 0, 1);
  check_option(name, "betas.second", betas.second, 0, 1);
  check_option(name, "weight_decay", weight_decay);
}
void LambOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "betas.first", betas.first, 0, 1);
  check_option(name, "betas.second", betas.second, 0, 1);
  check_option(name, "eps", eps);
  check_option(name, "weight_decay", weight_decay);
}

void Adagrad::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.fresh(0)) core::assign(s.moments[0], core::full({}, o.initial_accumulator_value, s.param.dtype()));
  const std::array<Array*, 1> state{&s.moments[0]};
  const std::array factors{o.weight_decay, o.lr / (1 + static_cast<double>(s.steps - 1) * o.lr_decay), o.eps};
  core::update("Adagrad", core::UpdateRule::adagrad, s.param.writable(), s.grad, state, factors, queue());
}

void Adadelta::update(Slot& s) {
  const auto& o = options_[s.group];
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const std::array factors{o.weight_decay, o.lr, o.rho, o.eps};
  core::update("Adadelta", core::UpdateRule::adadelta, s.param.writable(), s.grad, state, factors, queue());
}

void RMSprop::update(Slot& s) {
  const auto& o = options_[s.group];
  using enum core::UpdateRule;
  const bool buffered = o.momentum != 0;
  const auto rule =
      o.centered ? (buffered ? rmsprop_centered_momentum : rmsprop_centered) : (buffered ? rmsprop_momentum : rmsprop);
  std::array<Array*, 3> state{&s.moments[0]};
  std::size_t count = 1;
  if (buffered) state[count++] = &s.moments[1];
  if (o.centered) state[count++] = &s.moments[2];
  const std::array factors{o.weight_decay, o.lr, o.alpha, o.eps, o.momentum};
  core::update("RMSprop", rule, s.param.writable(), s.grad, std::span(state).first(count), factors, queue());
}

void Rprop::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.fresh(1)) core::assign(s.moments[1], core::full({}, o.lr, s.param.dtype()));
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const std::array factors{o.etas.first, o.etas.second, o.step_sizes.first, o.step_sizes.second};
  core::update("Rprop", core::UpdateRule::rprop, s.param.writable(), s.grad, state, factors, queue());
}

void Lion::update(Slot& s) {
  const auto& o = options_[s.group];
  const std::array<Array*, 1> state{&s.moments[0]};
  const std::array factors{o.lr, 1 - o.lr * o.weight_decay, o.betas.first, o.betas.second};
  core::update("Lion", core::UpdateRule::lion, s.param.writable(), s.grad, state, factors, queue());
}

void LAMB::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto t = static_cast<double>(s.steps);
  Array direction = Array::empty(s.param.shape(), s.param.dtype());
  const std::array<Array*, 3> state{&s.moments[0], &s.moments[1], &direction};
  const std::array factors{0.0,
                           o.betas.first,
                           o.betas.second,
                           o.weight_decay,
                           1 / (1 - std::pow(o.betas.first, t)),
                           1 / (1 - std::pow(o.betas.second, t)),
                           o.eps};
  Array& p = s.param.writable();
  core::update("LAMB", core::UpdateRule::lamb, p, s.grad, state, factors);
  const double length = std::sqrt(core::sum_squares(p));
  const double step = std::sqrt(core::sum_squares(direction));
  const double trust = length > 0 && step > 0 ? length / step : 1;
  core::add_scaled(p, direction, -o.lr * trust);
}

}  // namespace newtape::optim
