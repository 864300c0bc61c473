// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

/// Learning rates that change: `optim::Scheduler scheduler(adam, optim::cosine_annealing_lr({.t_max = 100}));`, and
/// `scheduler.step()` after each epoch or each step.
namespace newtape::optim {

/// The learning rate after `step` steps of the scheduler, counted from 0, for an initial rate; for the default of 1 it is
/// a factor. Any function `step -> factor` or `step, initial rate -> rate` can be used.
class Schedule {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Schedule> && std::is_invocable_r_v<double, F&, std::int64_t>)
  Schedule(F factor)
      : rate_([factor = std::move(factor)](std::int64_t step, double initial) { return initial * factor(step); }) {}
  template <class F>
    requires(std::is_invocable_r_v<double, F&, std::int64_t, double>)
  Schedule(F rate) : rate_(std::move(rate)) {}

  /// The rate at a step, counted from 0, for an initial rate.
  double operator()(std::int64_t step, double initial = 1) const { return rate_(step, initial); }

 private:
  std::function<double(std::int64_t, double)> rate_;
};

struct ConstantLROptions {
  double factor = 1. / 3;
  std::int64_t total_iters = 5;
};
/// `factor` until `total_iters`, then 1.
Schedule constant_lr(const ConstantLROptions& options = {});

struct LinearLROptions {
  double start_factor = 1. / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;
};
/// Linear from start_factor to end_factor over total_iters steps, then constant: a warm-up.
Schedule linear_lr(const LinearLROptions& options = {});

struct StepLROptions {
  std::int64_t step_size = 1;
  double gamma = 0.1;
};
/// Multiplied by gamma every `step_size` steps.
Schedule step_lr(const StepLROptions& options);

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;
};
/// Multiplied by gamma at each milestone.
Schedule multi_step_lr(const MultiStepLROptions& options);

/// gamma^step.
Schedule exponential_lr(double gamma);

struct PolynomialLROptions {
  std::int64_t total_iters = 5;
  double power = 1;
};
/// (1 - step / total_iters)^power, then 0.
Schedule polynomial_lr(const PolynomialLROptions& options = {});

struct CosineAnnealingLROptions {
  std::int64_t t_max = 1;
  double eta_min = 0;  ///< the smallest learning rate itself, not a factor, as in PyTorch
};
/// eta_min + (lr - eta_min) (1 + cos(pi step / t_max)) / 2, for the initial rate lr (Loshchilov & Hutter 2017, without
/// restarts).
Schedule cosine_annealing_lr(const CosineAnnealingLROptions& options);

struct CosineAnnealingWarmRestartsOptions {
  std::int64_t t_0 = 1;     ///< steps before the first restart
  std::int64_t t_mult = 1;  ///< ratio of successive periods
  double eta_min = 0;       ///< the smallest learning rate itself, not a factor, as in PyTorch
};
/// Cosine annealing restarted after each period (Loshchilov & Hutter 2017, eq. 5).
Schedule cosine_annealing_warm_restarts(const CosineAnnealingWarmRestartsOptions& options);

struct OneCycleLROptions {
  std::int64_t total_steps = 1;
  double pct_start = 0.3;         ///< fraction of the steps in which the rate rises
  bool cosine = true;             ///< else linear
  double div_factor = 25;         ///< the first rate is 1/div_factor of the maximum
  double final_div_factor = 1e4;  ///< the last rate is 1/final_div_factor of the first
};
/// Rises to the maximum rate, then falls to almost 0 (Smith & Topin 2018). Factor 1 is the maximum: the optimizer's lr.
/// ValueError for a step beyond total_steps, pct_start outside [0, 1], and divisors that are not positive.
Schedule one_cycle_lr(const OneCycleLROptions& options);

/// One schedule after another, each counted from its own step 0: schedules[k] begins at milestones[k - 1].
Schedule sequential_lr(std::vector<Schedule> schedules, std::vector<std::int64_t> milestones);
/// The product of all factors: each schedule takes the last one's rate as the initial one.
Schedule chained_lr(std::vector<Schedule> schedules);

/// Sets an optimizer's learning rates by a schedule, one for all parameter groups or one for each. The optimizer must
/// outlive it.
class Scheduler {
 public:
  /// Sets the rates of step 0. ValueError unless there is one schedule, or one for each group.
  Scheduler(Optimizer& optimizer, Schedule schedule);
  Scheduler(Optimizer& optimizer, std::vector<Schedule> schedules);

  /// Sets the rates of the next step.
  void step();
  /// The step whose rates are set.
  std::int64_t steps() const noexcept { return steps_; }
  /// Sets the rates of any step. ValueError for a negative one.
  void set_step(std::int64_t step);
  /// The optimizer's current rates.
  std::vector<double> last_lr() const;

  /// The number of steps and the initial rates.
  StateDict state_dict() const;
  /// ValueError naming what does not fit; nothing is changed then.
  void load_state_dict(const StateDict& state);

 private:
  Optimizer* optimizer_;
  std::vector<Schedule> schedules_;
  std::vector<double> initial_;
  std::int64_t steps_ = 0;
};

struct ReduceLROnPlateauOptions {
  bool maximize = false;  ///< larger metrics are better
  double factor = 0.1;
  std::int64_t patience = 10;  ///< allowed steps without improvement
  double threshold = 1e-4;     ///< smallest improvement that counts
  bool relative = true;        ///< threshold is a fraction of the best value, else absolute
  std::int64_t cooldown = 0;   ///< steps after a reduction that are not counted
  double min_lr = 0;
  double eps = 1e-8;  ///< smaller reductions of the rate are skipped
};

/// Multiplies the rates by a factor when a metric has stopped improving. The optimizer must outlive it.
class ReduceLROnPlateau {
 public:
  /// ValueError for a factor outside [0, 1), negative counts, thresholds and rates.
  explicit ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {});

  /// Takes the metric of an epoch; a NaN is no improvement.
  void step(double metric);
  double best() const noexcept { return best_; }

  /// The best metric and the counts.
  StateDict state_dict() const;
  void load_state_dict(const StateDict& state);

 private:
  Optimizer* optimizer_;
  ReduceLROnPlateauOptions options_;
  double best_;
  std::int64_t bad_ = 0;
  std::int64_t cooling_ = 0;
};

}  // namespace newtape::optim
