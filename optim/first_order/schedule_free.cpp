// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace newtape::optim {

template class OptimizerOf<AdamWScheduleFreeOptions>;

namespace {
// Indices of the scalars.
enum { weight_sum = 0, lr_max = 1, evaluating = 2 };
}  // namespace

void AdamWScheduleFreeOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "betas.first", betas.first, 1e-12, 1);  // eval() divides by it
  check_option(name, "betas.second", betas.second, 0, 1);
  check_option(name, "eps", eps);
  check_option(name, "weight_decay", weight_decay);
  check_option(name, "warmup_steps", warmup_steps);
  check_option(name, "r", r);
  check_option(name, "weight_lr_power", weight_lr_power);
}

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
  const std::array<Array*, 2> state{&s.moments[0], &s.moments[1]};
  const std::array factors{o.weight_decay,
                           o.betas.second,
                           1 / (1 - std::pow(o.betas.second, t)),
                           o.eps,
                           lr,
                           part,
                           lr * (1 - o.betas.first * (1 - part))};
  core::update("AdamWScheduleFree", core::UpdateRule::schedule_free, s.param.writable(), s.grad, state, factors,
               queue());
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
