// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>
#include <cstdint>
#include <utility>

namespace newtape::optim {

/// Common to Adam and its variants.
struct AdamTraits {
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), each_beta(o, f), f("eps", o.eps), f("weight_decay", o.weight_decay);
  }
};

template <WeightDecay kind>
struct OptionsTraits<AdamOptionsOf<kind>> : AdamTraits {
  static constexpr const char* name = kind == WeightDecay::decoupled ? "AdamW" : "Adam";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}; }
  static void each(auto& o, auto&& f) { AdamTraits::each(o, f), f("amsgrad", o.amsgrad); }
};
template class OptimizerOf<AdamOptions>;
template class OptimizerOf<AdamWOptions>;

template <>
struct OptionsTraits<NAdamOptions> : AdamTraits {
  static constexpr const char* name = "NAdam";
  static std::vector<const char*> scalars() { return {"mu_product"}; }
  static void each(auto& o, auto&& f) { AdamTraits::each(o, f), f("momentum_decay", o.momentum_decay); }
};
template class OptimizerOf<NAdamOptions>;

template <>
struct OptionsTraits<RAdamOptions> : AdamTraits {
  static constexpr const char* name = "RAdam";
};
template class OptimizerOf<RAdamOptions>;

template <>
struct OptionsTraits<LAMBOptions> : AdamTraits {
  static constexpr const char* name = "LAMB";
  static constexpr bool queued = false;
};
template class OptimizerOf<LAMBOptions>;

namespace {

/// Bias correction after t steps of a moment that starts at 0: 1 - beta^t. Kept for the next parameter, which mostly asks
/// for the same two.
double bias(double beta, std::int64_t t) {
  struct Known {
    double beta = 0;
    std::int64_t t = 0;
    double value = 0;
  };
  static thread_local Known known[2];
  for (const Known& k : known) {
    if (k.beta == beta && k.t == t) return k.value;
  }
  known[0] = std::exchange(known[1], {beta, t, 1 - std::pow(beta, static_cast<double>(t))});
  return known[1].value;
}

template <WeightDecay kind, class Slot>
void update_adam(const AdamOptionsOf<kind>& o, Slot& s, core::UpdateQueue* queue) {
  constexpr bool decoupled = kind == WeightDecay::decoupled;
  const core::AdamStep step{.lr = o.lr,
                            .beta1 = o.betas.first,
                            .beta2 = o.betas.second,
                            .eps = o.eps,
                            .decay = decoupled ? o.lr * o.weight_decay : 0,
                            .l2 = decoupled ? 0 : o.weight_decay,
                            .bias1 = bias(o.betas.first, s.steps),
                            .bias2 = bias(o.betas.second, s.steps)};
  if (o.amsgrad) {
    core::update(OptionsTraits<AdamOptionsOf<kind>>::name, core::rules::AMSGrad{.adam = step.rule()},
                 s.param.writable(), s.grad, {s.moments[0], s.moments[1], s.moments[2]}, queue);
  } else {
    core::adam_step(s.param.writable(), s.grad, s.moments[0], s.moments[1], step, queue);
  }
}

}  // namespace

void Adam::update(Slot& s) { update_adam(options_[s.group], s, queue()); }
void AdamW::update(Slot& s) { update_adam(options_[s.group], s, queue()); }

void NAdam::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto mu = [&](std::int64_t t) {
    return o.betas.first * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * o.momentum_decay));
  };
  double& product = s.scalars[0];
  product = (s.steps == 1 ? 1 : product) * mu(s.steps);
  const double next = mu(s.steps + 1);
  const core::rules::NAdam rule{.moments = {.l2 = o.weight_decay, .beta1 = o.betas.first, .beta2 = o.betas.second},
                                .of_g = o.lr * (1 - mu(s.steps)) / (1 - product),
                                .of_m = o.lr * next / (1 - product * next),
                                .eps = o.eps,
                                .inverse_bias2 = 1 / bias(o.betas.second, s.steps)};
  core::update("NAdam", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
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
  const core::rules::RAdam rule{.moments = {.l2 = o.weight_decay, .beta1 = o.betas.first, .beta2 = beta2},
                                .plain = adapts ? 0 : lr,
                                .adapted = lr * rectified * std::sqrt(bias2),
                                .eps = o.eps};
  core::update("RAdam", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

void LAMB::update(Slot& s) {
  const auto& o = options_[s.group];
  Array direction = Array::empty(s.param.shape(), s.param.dtype());
  const core::rules::LAMB rule{.moments = {.l2 = 0, .beta1 = o.betas.first, .beta2 = o.betas.second},
                               .decay = o.weight_decay,
                               .inverse_bias1 = 1 / bias(o.betas.first, s.steps),
                               .inverse_bias2 = 1 / bias(o.betas.second, s.steps),
                               .eps = o.eps};
  Array& p = s.param.writable();
  core::update("LAMB", rule, p, s.grad, {s.moments[0], s.moments[1], direction});
  const auto length = core::scaled_norm(p);
  const auto step = core::scaled_norm(direction);
  const double trust = length.norm > 0 && step.norm > 0 ? core::ratio(length, step) : 1;
  core::add_scaled(p, direction, -o.lr * trust);
}

}  // namespace newtape::optim
