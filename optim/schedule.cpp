// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace newtape::optim {
namespace {

void check_min(const char* op, const char* option, std::int64_t value, std::int64_t min) {
  if (value >= min) return;
  raise<ValueError>(std::string(op) + ": " + option + " is out of range", "at least " + std::to_string(min),
                    std::to_string(value));
}

double number(std::int64_t n) { return static_cast<double>(n); }

/// From `high` to `low` as t goes from 0 to 1.
double half_cosine(double t, double high, double low) {
  return low + (high - low) * (1 + std::cos(std::numbers::pi * t)) / 2;
}
constexpr double unbounded = std::numeric_limits<double>::infinity();
/// Not negative.
void check_rate(const char* op, const char* option, double value) { check_option(op, option, value); }

Array scalar(double x) { return core::full({}, x, f64); }
Array scalar(std::int64_t n) {
  Array x = Array::empty({}, i64);
  *x.data<std::int64_t>() = n;
  return x;
}

}  // namespace

Schedule constant_lr(const ConstantLROptions& o) {
  check_min("constant_lr", "total_iters", o.total_iters, 0);
  return [o](std::int64_t step) { return step < o.total_iters ? o.factor : 1; };
}

Schedule linear_lr(const LinearLROptions& o) {
  check_min("linear_lr", "total_iters", o.total_iters, 1);
  return [o](std::int64_t step) {
    return o.start_factor +
           (o.end_factor - o.start_factor) * number(std::min(step, o.total_iters)) / number(o.total_iters);
  };
}

Schedule step_lr(const StepLROptions& o) {
  check_min("step_lr", "step_size", o.step_size, 1);
  return [o](std::int64_t step) { return std::pow(o.gamma, number(step / o.step_size)); };
}

Schedule multi_step_lr(const MultiStepLROptions& o) {
  return [o](std::int64_t step) {
    return std::pow(o.gamma, number(std::count_if(o.milestones.begin(), o.milestones.end(),
                                                  [step](std::int64_t m) { return m <= step; })));
  };
}

Schedule exponential_lr(double gamma) {
  return [gamma](std::int64_t step) { return std::pow(gamma, number(step)); };
}

Schedule polynomial_lr(const PolynomialLROptions& o) {
  check_min("polynomial_lr", "total_iters", o.total_iters, 1);
  return [o](std::int64_t step) {
    return std::pow(1 - number(std::min(step, o.total_iters)) / number(o.total_iters), o.power);
  };
}

Schedule cosine_annealing_lr(const CosineAnnealingLROptions& o) {
  check_min("cosine_annealing_lr", "t_max", o.t_max, 1);
  check_rate("cosine_annealing_lr", "eta_min", o.eta_min);
  return [o](std::int64_t step, double lr) { return half_cosine(number(step) / number(o.t_max), lr, o.eta_min); };
}

Schedule cosine_annealing_warm_restarts(const CosineAnnealingWarmRestartsOptions& o) {
  check_min("cosine_annealing_warm_restarts", "t_0", o.t_0, 1);
  check_min("cosine_annealing_warm_restarts", "t_mult", o.t_mult, 1);
  check_rate("cosine_annealing_warm_restarts", "eta_min", o.eta_min);
  return [o](std::int64_t step, double lr) {
    std::int64_t period = o.t_0;
    if (o.t_mult == 1) step %= period;
    while (step >= period) {
      step -= period;
      period *= o.t_mult;
    }
    return half_cosine(number(step) / number(period), lr, o.eta_min);
  };
}

Schedule one_cycle_lr(const OneCycleLROptions& o) {
  check_min("one_cycle_lr", "total_steps", o.total_steps, 1);
  check_option("one_cycle_lr", "pct_start", o.pct_start, up_to_one);
  const double positive = std::numeric_limits<double>::min();
  check_option("one_cycle_lr", "div_factor", o.div_factor, {positive});
  check_option("one_cycle_lr", "final_div_factor", o.final_div_factor, {positive});
  return [o](std::int64_t step) {
    if (step > o.total_steps) {
      raise<ValueError>("one_cycle_lr: step must not exceed total_steps", "at most " + std::to_string(o.total_steps),
                        std::to_string(step));
    }
    const auto between = [&o](double from, double to, double t) {
      return o.cosine ? to + (from - to) * (1 + std::cos(std::numbers::pi * t)) / 2 : from + (to - from) * t;
    };
    const double start = 1 / o.div_factor;
    const double peak = o.pct_start * number(o.total_steps) - 1;
    const double last = number(o.total_steps) - 1;
    const double at = number(step);
    // A phase of no length is at its end.
    if (at <= peak) return between(start, 1, peak > 0 ? at / peak : 1);
    return between(1, start / o.final_div_factor, last > peak ? (at - peak) / (last - peak) : 1);
  };
}

Schedule sequential_lr(std::vector<Schedule> schedules, std::vector<std::int64_t> milestones) {
  if (schedules.size() != milestones.size() + 1 || !std::is_sorted(milestones.begin(), milestones.end())) {
    raise<ValueError>(
        "sequential_lr: there must be a milestone between successive schedules", "one fewer than schedules, ascending",
        std::to_string(schedules.size()) + " schedules, " + std::to_string(milestones.size()) + " milestones");
  }
  return [schedules = std::move(schedules), milestones = std::move(milestones)](std::int64_t step, double lr) {
    const auto next = std::upper_bound(milestones.begin(), milestones.end(), step);
    const auto k = static_cast<std::size_t>(next - milestones.begin());
    return schedules[k](k == 0 ? step : step - milestones[k - 1], lr);
  };
}

Schedule chained_lr(std::vector<Schedule> schedules) {
  return [schedules = std::move(schedules)](std::int64_t step, double lr) {
    for (const auto& s : schedules) lr = s(step, lr);
    return lr;
  };
}

// --- schedulers ---

Scheduler::Scheduler(Optimizer& optimizer, Schedule schedule)
    : Scheduler(optimizer, std::vector<Schedule>(optimizer.group_count(), schedule)) {}

Scheduler::Scheduler(Optimizer& optimizer, std::vector<Schedule> schedules)
    : optimizer_(&optimizer), schedules_(std::move(schedules)) {
  if (schedules_.size() != optimizer.group_count()) {
    raise<ValueError>("Scheduler: there must be one schedule, or one for each parameter group",
                      std::to_string(optimizer.group_count()), std::to_string(schedules_.size()));
  }
  for (std::size_t g = 0; g < schedules_.size(); ++g) initial_.push_back(optimizer.lr(g));
  set_step(0);
}

void Scheduler::step() {
  newtape::detail::host_call("Scheduler::step", this, [this] { set_step(steps_ + 1); });
}

void Scheduler::set_step(std::int64_t step) {
  newtape::detail::refuse_in_capture("set_step() of a scheduler");
  check_min("Scheduler", "step", step, 0);
  std::vector<double> rates;
  for (std::size_t g = 0; g < schedules_.size(); ++g) {
    rates.push_back(schedules_[g](step, initial_[g]));
    check_option("Scheduler", "the learning rate", rates[g]);
  }
  for (std::size_t g = 0; g < rates.size(); ++g) optimizer_->set_lr(rates[g], g);
  steps_ = step;
}

std::vector<double> Scheduler::last_lr() const {
  std::vector<double> rates;
  for (std::size_t g = 0; g < schedules_.size(); ++g) rates.push_back(optimizer_->lr(g));
  return rates;
}

StateDict Scheduler::state_dict() const {
  Array rates = Array::empty({static_cast<std::int64_t>(initial_.size())}, f64);
  std::copy(initial_.begin(), initial_.end(), rates.data<double>());
  return {{"step", scalar(steps_)}, {"initial_lr", rates}};
}

void Scheduler::load_state_dict(const StateDict& state) {
  detail::StateReader reader(state, "");
  const Array step = reader.take("step", i64, {});
  const Array rates = reader.take("initial_lr", f64, {static_cast<std::int64_t>(initial_.size())});
  if (step.defined() && step.item<std::int64_t>() < 0) reader.reject("step", "negative");
  reader.finish("Scheduler.load_state_dict", true);
  const auto before = initial_;
  initial_.assign(rates.data<double>(), rates.data<double>() + rates.size());
  try {
    set_step(step.item<std::int64_t>());
  } catch (...) {
    initial_ = before;
    throw;
  }
}

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options)
    : optimizer_(&optimizer),
      options_(options),
      best_((options.maximize ? -1 : 1) * std::numeric_limits<double>::infinity()) {
  check_option("ReduceLROnPlateau", "factor", options.factor, below_one);
  check_min("ReduceLROnPlateau", "patience", options.patience, 0);
  check_min("ReduceLROnPlateau", "cooldown", options.cooldown, 0);
  check_rate("ReduceLROnPlateau", "threshold", options.threshold);
  check_rate("ReduceLROnPlateau", "min_lr", options.min_lr);
  check_rate("ReduceLROnPlateau", "eps", options.eps);
}

void ReduceLROnPlateau::step(double metric) {
  newtape::detail::refuse_in_capture("ReduceLROnPlateau, which takes a number");
  const auto& o = options_;
  const double sign = o.maximize ? -1 : 1;
  // Improvement on the best value that is required; 0 while there is none.
  const double margin = std::isinf(best_) ? 0 : o.relative ? o.threshold * std::abs(best_) : o.threshold;
  if (sign * metric < sign * best_ - margin) {
    best_ = metric;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ <= o.patience) return;
  for (std::size_t g = 0; g < optimizer_->group_count(); ++g) {
    const double rate = optimizer_->lr(g);
    const double lower = std::max(rate * o.factor, o.min_lr);
    if (rate - lower > o.eps) optimizer_->set_lr(lower, g);
  }
  cooling_ = o.cooldown;
  bad_ = 0;
}

StateDict ReduceLROnPlateau::state_dict() const {
  return {{"best", scalar(best_)}, {"bad_steps", scalar(bad_)}, {"cooldown", scalar(cooling_)}};
}

void ReduceLROnPlateau::load_state_dict(const StateDict& state) {
  detail::StateReader reader(state, "");
  const Array best = reader.take("best", f64, {});
  const Array bad = reader.take("bad_steps", i64, {});
  const Array cooling = reader.take("cooldown", i64, {});
  reader.finish("ReduceLROnPlateau.load_state_dict", true);
  best_ = best.item();
  bad_ = bad.item<std::int64_t>();
  cooling_ = cooling.item<std::int64_t>();
}

}  // namespace newtape::optim
