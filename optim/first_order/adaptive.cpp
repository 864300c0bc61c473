// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace newtape::optim {

template <>
struct OptionsTraits<AdagradOptions> {
  static constexpr const char* name = "Adagrad";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"sum"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("lr_decay", o.lr_decay), f("weight_decay", o.weight_decay),
        f("initial_accumulator_value", o.initial_accumulator_value), f("eps", o.eps);
  }
};
template class OptimizerOf<AdagradOptions>;

template <>
struct OptionsTraits<AdadeltaOptions> {
  static constexpr const char* name = "Adadelta";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"square_avg", "acc_delta"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("rho", o.rho, up_to_one), f("eps", o.eps), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<AdadeltaOptions>;

template <>
struct OptionsTraits<RMSpropOptions> {
  static constexpr const char* name = "RMSprop";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"square_avg", "momentum_buffer", "grad_avg"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("alpha", o.alpha), f("eps", o.eps), f("weight_decay", o.weight_decay), f("momentum", o.momentum),
        f("centered", o.centered);
  }
};
template class OptimizerOf<RMSpropOptions>;

template <>
struct OptionsTraits<RpropOptions> {
  static constexpr const char* name = "Rprop";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"prev", "step_size"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("eta_minus", o.etas.first, Range{std::numeric_limits<double>::min(), 1, "etas.first"}),
        f("eta_plus", o.etas.second, Range{std::nextafter(1.0, 2.0), infinity, "etas.second"}),
        f("step_min", o.step_sizes.first, Range{0, infinity, "step_sizes.first"}),
        f("step_max", o.step_sizes.second, Range{o.step_sizes.first, infinity, "step_sizes.second"});
  }
};
template class OptimizerOf<RpropOptions>;

template <>
struct OptionsTraits<AdamaxOptions> {
  static constexpr const char* name = "Adamax";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg", "exp_inf"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), each_beta(o, f), f("eps", o.eps), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<AdamaxOptions>;

template <>
struct OptionsTraits<ASGDOptions> {
  static constexpr const char* name = "ASGD";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"ax"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("lambd", o.lambd), f("alpha", o.alpha), f("t0", o.t0), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<ASGDOptions>;

template <>
struct OptionsTraits<LionOptions> {
  static constexpr const char* name = "Lion";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg"}; }
  static void each(auto& o, auto&& f) { f("lr", o.lr), each_beta(o, f), f("weight_decay", o.weight_decay); }
};
template class OptimizerOf<LionOptions>;

void Adagrad::update(Slot& s) {
  const auto& o = options_[s.group];
  if (s.fresh(0)) core::assign(s.moments[0], core::full({}, o.initial_accumulator_value, s.param.dtype()));
  const core::rules::Adagrad rule{
      .l2 = o.weight_decay, .step = o.lr / (1 + static_cast<double>(s.steps - 1) * o.lr_decay), .eps = o.eps};
  if (s.rows.defined()) {
    return core::update_rows("Adagrad", rule, s.param.writable(), s.rows, s.grad, {s.moments[0]}, *queue());
  }
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

void Adamax::update(Slot& s) {
  const auto& o = options_[s.group];
  const core::rules::Adamax rule{.l2 = o.weight_decay,
                                 .step = o.lr / (1 - std::pow(o.betas.first, static_cast<double>(s.steps))),
                                 .beta1 = o.betas.first,
                                 .beta2 = o.betas.second,
                                 .eps = o.eps};
  core::update("Adamax", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

void ASGD::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto before = static_cast<double>(s.steps - 1);
  const double rate = o.lr / std::pow(1 + o.lambd * o.lr * before, o.alpha);
  // The decay of the weights is that of p as it was, as in PyTorch: p (1 - lambd rate) - rate (g + l2 p).
  const core::rules::ASGD rule{.l2 = o.weight_decay,
                               .step = rate,
                               .keep = 1 - o.lambd * rate,
                               .share = s.steps == 1 ? 1 : 1 / std::max(1.0, before - o.t0)};
  core::update("ASGD", rule, s.param.writable(), s.grad, {s.moments[0]}, queue());
}

std::vector<Array> ASGD::averages() const {
  std::vector<Array> all;
  for (const auto& s : slots()) all.push_back(core::copy(s.steps > 0 ? s.moments[0] : s.param.value()));
  return all;
}

void Lion::update(Slot& s) {
  const auto& o = options_[s.group];
  const core::rules::Lion rule{
      .lr = o.lr, .keep = 1 - o.lr * o.weight_decay, .beta1 = o.betas.first, .beta2 = o.betas.second};
  core::update("Lion", rule, s.param.writable(), s.grad, {s.moments[0]}, queue());
}

}  // namespace newtape::optim
