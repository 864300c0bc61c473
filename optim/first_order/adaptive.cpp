// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>
#include <limits>

namespace newtape::optim {

template <>
struct OptionsTraits<AdagradOptions> {
  static constexpr const char* name = "Adagrad";
  static std::vector<const char*> moments() { return {"sum"}; }
  static void validate(const AdagradOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "lr_decay", o.lr_decay);
    check_option(name, "weight_decay", o.weight_decay);
    check_option(name, "initial_accumulator_value", o.initial_accumulator_value);
    check_option(name, "eps", o.eps);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("lr_decay", o.lr_decay), f("weight_decay", o.weight_decay),
        f("initial_accumulator_value", o.initial_accumulator_value), f("eps", o.eps);
  }
};
template class OptimizerOf<AdagradOptions>;

template <>
struct OptionsTraits<AdadeltaOptions> {
  static constexpr const char* name = "Adadelta";
  static std::vector<const char*> moments() { return {"square_avg", "acc_delta"}; }
  static void validate(const AdadeltaOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "rho", o.rho, 0, std::nextafter(1.0, 2.0));
    check_option(name, "eps", o.eps);
    check_option(name, "weight_decay", o.weight_decay);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("rho", o.rho), f("eps", o.eps), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<AdadeltaOptions>;

template <>
struct OptionsTraits<RMSpropOptions> {
  static constexpr const char* name = "RMSprop";
  static std::vector<const char*> moments() { return {"square_avg", "momentum_buffer", "grad_avg"}; }
  static void validate(const RMSpropOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "alpha", o.alpha);
    check_option(name, "eps", o.eps);
    check_option(name, "weight_decay", o.weight_decay);
    check_option(name, "momentum", o.momentum);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("alpha", o.alpha), f("eps", o.eps), f("weight_decay", o.weight_decay), f("momentum", o.momentum),
        f("centered", o.centered);
  }
};
template class OptimizerOf<RMSpropOptions>;

template <>
struct OptionsTraits<RpropOptions> {
  static constexpr const char* name = "Rprop";
  static std::vector<const char*> moments() { return {"prev", "step_size"}; }
  static void validate(const RpropOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "etas.first", o.etas.first, std::numeric_limits<double>::min(), 1);
    check_option(name, "etas.second", o.etas.second, std::nextafter(1.0, 2.0), std::numeric_limits<double>::infinity());
    check_option(name, "step_sizes.first", o.step_sizes.first);
    check_option(name, "step_sizes.second", o.step_sizes.second, o.step_sizes.first,
                 std::numeric_limits<double>::infinity());
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("eta_minus", o.etas.first), f("eta_plus", o.etas.second), f("step_min", o.step_sizes.first),
        f("step_max", o.step_sizes.second);
  }
};
template class OptimizerOf<RpropOptions>;

template <>
struct OptionsTraits<LionOptions> {
  static constexpr const char* name = "Lion";
  static std::vector<const char*> moments() { return {"exp_avg"}; }
  static void validate(const LionOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "betas.first", o.betas.first, 0, 1);
    check_option(name, "betas.second", o.betas.second, 0, 1);
    check_option(name, "weight_decay", o.weight_decay);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("beta1", o.betas.first), f("beta2", o.betas.second), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<LionOptions>;

template <>
struct OptionsTraits<LAMBOptions> {
  static constexpr const char* name = "LAMB";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static void validate(const LAMBOptions& o) {
    check_option(name, "lr", o.lr);
    check_option(name, "betas.first", o.betas.first, 0, 1);
    check_option(name, "betas.second", o.betas.second, 0, 1);
    check_option(name, "eps", o.eps);
    check_option(name, "weight_decay", o.weight_decay);
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("beta1", o.betas.first), f("beta2", o.betas.second), f("eps", o.eps),
        f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<LAMBOptions>;

void Adagrad::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.fresh(0)) core::assign(s.moments[0], core::full({}, o.initial_accumulator_value, s.param.dtype()));
  const core::rules::Adagrad rule{
      .l2 = o.weight_decay, .step = o.lr / (1 + static_cast<double>(s.steps - 1) * o.lr_decay), .eps = o.eps};
  core::update("Adagrad", rule, s.param.writable(), s.grad, {s.moments[0]}, queue());
}

void Adadelta::update(Slot& s) {
  const auto& o = options_[s.group];
  const core::rules::Adadelta rule{.l2 = o.weight_decay, .lr = o.lr, .rho = o.rho, .eps = o.eps};
  core::update("Adadelta", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

void RMSprop::update(Slot& s) {
  const auto& o = options_[s.group];
  Array& squares = s.moments[0];
  Array& buffer = s.moments[1];
  Array& mean = s.moments[2];
  const auto run = [&]<bool with_momentum, bool centered>(auto&... state) {
    const core::rules::RMSprop<with_momentum, centered> rule{
        .l2 = o.weight_decay, .lr = o.lr, .alpha = o.alpha, .eps = o.eps, .momentum = o.momentum};
    core::update("RMSprop", rule, s.param.writable(), s.grad, {state...}, queue());
  };
  if (o.momentum == 0) {
    o.centered ? run.template operator()<false, true>(squares, mean) : run.template operator()<false, false>(squares);
  } else {
    o.centered ? run.template operator()<true, true>(squares, buffer, mean)
               : run.template operator()<true, false>(squares, buffer);
  }
}

void Rprop::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.fresh(1)) core::assign(s.moments[1], core::full({}, o.lr, s.param.dtype()));
  const core::rules::Rprop rule{
      .shrink = o.etas.first, .grow = o.etas.second, .min = o.step_sizes.first, .max = o.step_sizes.second};
  core::update("Rprop", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

void Lion::update(Slot& s) {
  const auto& o = options_[s.group];
  const core::rules::Lion rule{
      .lr = o.lr, .keep = 1 - o.lr * o.weight_decay, .beta1 = o.betas.first, .beta2 = o.betas.second};
  core::update("Lion", rule, s.param.writable(), s.grad, {s.moments[0]}, queue());
}

void LAMB::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto t = static_cast<double>(s.steps);
  Array direction = Array::empty(s.param.shape(), s.param.dtype());
  const core::rules::LAMB rule{.moments = {.l2 = 0, .beta1 = o.betas.first, .beta2 = o.betas.second},
                               .decay = o.weight_decay,
                               .inverse_bias1 = 1 / (1 - std::pow(o.betas.first, t)),
                               .inverse_bias2 = 1 / (1 - std::pow(o.betas.second, t)),
                               .eps = o.eps};
  Array& p = s.param.writable();
  core::update("LAMB", rule, p, s.grad, {s.moments[0], s.moments[1], direction});
  const double length = std::sqrt(core::sum_squares(p));
  const double step = std::sqrt(core::sum_squares(direction));
  const double trust = length > 0 && step > 0 ? length / step : 1;
  core::add_scaled(p, direction, -o.lr * trust);
}

}  // namespace newtape::optim
