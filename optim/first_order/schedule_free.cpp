// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<AdamWScheduleFreeOptions> {
  static constexpr const char* name = "AdamWScheduleFree";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg_sq", "z"}; }
  static std::vector<const char*> scalars() { return {"weight_sum", "lr_max", "evaluating"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("beta1", o.betas.first, Range{1e-12, 1, "betas.first"} /* eval() divides by it */),
        f("beta2", o.betas.second, Range{0, 1, "betas.second"}), f("eps", o.eps), f("weight_decay", o.weight_decay),
        f("warmup_steps", o.warmup_steps), f("r", o.r), f("weight_lr_power", o.weight_lr_power);
  }
};
template class OptimizerOf<AdamWScheduleFreeOptions>;

namespace {
// Indices of the scalars.
enum { weight_sum = 0, lr_max = 1, evaluating = 2 };
}  // namespace

void AdamWScheduleFree::check_step() const {
  for (const auto& s : slots()) {
    if (s.scalars[evaluating] == 0) continue;
    raise<ValueError>("AdamWScheduleFree: step() is not allowed after eval()", "train() before step()", "eval()");
  }
}

void AdamWScheduleFree::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto t = static_cast<double>(s.steps);
  const double lr = o.lr * (t < o.warmup_steps ? t / o.warmup_steps : 1);
  s.scalars[lr_max] = std::max(s.scalars[lr_max], lr);
  const double weight = std::pow(t, o.r) * std::pow(s.scalars[lr_max], o.weight_lr_power);
  s.scalars[weight_sum] += weight;
  const double part = s.scalars[weight_sum] > 0 ? weight / s.scalars[weight_sum] : 0;
  if (s.fresh(1)) core::assign(s.moments[1], s.param.value());
  const core::rules::ScheduleFree rule{.decay = o.weight_decay,
                                       .beta2 = o.betas.second,
                                       .inverse_bias2 = 1 / (1 - std::pow(o.betas.second, t)),
                                       .eps = o.eps,
                                       .lr = lr,
                                       .part = part,
                                       .of_y = lr * (1 - o.betas.first * (1 - part))};
  core::update("AdamWScheduleFree", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

void AdamWScheduleFree::switch_to(bool average) {
  for (auto& s : slots()) {
    if (s.steps == 0 || (s.scalars[evaluating] != 0) == average) continue;
    // y = (1 - beta1) z + beta1 x, x the average: y + (1 - 1/beta1) (z - y) is x, x + (1 - beta1) (z - x) is y.
    const double beta1 = options_[s.group].betas.first;
    const Array way = s.moments[1] - s.param.value();
    core::add_scaled(s.param.writable(), way, average ? 1 - 1 / beta1 : 1 - beta1);
    s.scalars[evaluating] = average ? 1 : 0;
  }
}

}  // namespace newtape::optim
