// SPDX-License-Identifier: BSD-3-Clause
// Learning rates, step by step, against PyTorch's: see files/optim/make_schedule.py.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/optim/average.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/schedule.hpp>

#include <cmath>
#include <limits>

namespace nt = newtape;
namespace optim = nt::optim;

namespace {
nt::Parameter parameter() { return nt::Parameter(nt::zeros({1}, nt::f64)); }

void compare_rates(const std::string& name, const optim::Schedule& schedule) {
  INFO(name);
  const Reference torch("optim/schedule.txt");
  const auto& want = torch(name);
  optim::SGD sgd({parameter()}, {.lr = 0.5});
  optim::Scheduler scheduler(sgd, schedule);
  for (std::int64_t i = 0; i < want.size(); ++i) {
    INFO("step " << i);
    CHECK(std::abs(sgd.lr() - want.data<double>()[i]) < 1e-13);
    CHECK(scheduler.last_lr() == std::vector<double>{sgd.lr()});
    if (i + 1 < want.size()) scheduler.step();
  }
}
}  // namespace

TEST_CASE("schedules set the rates that PyTorch's set") {
  compare_rates("constant", optim::constant_lr({.factor = 0.25, .total_iters = 7}));
  compare_rates("linear", optim::linear_lr({.start_factor = 0.1, .end_factor = 0.9, .total_iters = 9}));
  compare_rates("step", optim::step_lr({.step_size = 5, .gamma = 0.3}));
  compare_rates("multi_step", optim::multi_step_lr({.milestones = {3, 10, 10, 17}, .gamma = 0.5}));
  compare_rates("exponential", optim::exponential_lr(0.87));
  compare_rates("polynomial", optim::polynomial_lr({.total_iters = 15, .power = 2.5}));
  compare_rates("cosine", optim::cosine_annealing_lr({.t_max = 23, .eta_min = 0.05}));
  compare_rates("restarts", optim::cosine_annealing_warm_restarts({.t_0 = 3, .t_mult = 2, .eta_min = 0.05}));
  compare_rates("restarts_equal", optim::cosine_annealing_warm_restarts({.t_0 = 5}));
  compare_rates("one_cycle", optim::one_cycle_lr({.total_steps = 24}));
  compare_rates("one_cycle_linear",
                optim::one_cycle_lr(
                    {.total_steps = 24, .pct_start = 0.4, .cosine = false, .div_factor = 10, .final_div_factor = 100}));
  const auto warm_up = optim::linear_lr({.start_factor = 0.2, .total_iters = 6});
  compare_rates("sequential", optim::sequential_lr({warm_up, optim::exponential_lr(0.9)}, {6}));
  compare_rates("chained", optim::chained_lr({warm_up, optim::exponential_lr(0.9)}));
  compare_rates("swa", optim::swa_lr({.swa_lr = 0.1, .anneal_steps = 7}));
  compare_rates("swa_linear", optim::swa_lr({.swa_lr = 0.7, .anneal_steps = 4, .cosine = false}));
  compare_rates("exponential", [](std::int64_t step) { return std::pow(0.87, static_cast<double>(step)); });
}

TEST_CASE("ReduceLROnPlateau sets the rates that PyTorch's sets, also when resumed") {
  const Reference torch("optim/schedule.txt");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> metric{3,   2,   1.9, 1.89995, 1.9, 2, 1.9, 1.85, 1.9, 1.9, 1.9, 1.9,
                                   nan, 1.9, 1,   2,       2,   2, 2,   2,    2,   2,   2};
  const optim::ReduceLROnPlateauOptions other{.maximize = true,
                                              .factor = 0.2,
                                              .patience = 1,
                                              .threshold = 0.01,
                                              .relative = false,
                                              .cooldown = 2,
                                              .min_lr = 0.001};
  for (const bool second : {false, true}) {
    const auto& want = torch(second ? "plateau_options" : "plateau");
    const auto options = second ? other : optim::ReduceLROnPlateauOptions{.factor = 0.5, .patience = 2};
    optim::SGD sgd({parameter()}, {.lr = 0.5});
    optim::ReduceLROnPlateau plateau(sgd, options);
    for (std::size_t i = 0; i < metric.size(); ++i) {
      INFO("step " << i);
      CHECK(std::abs(sgd.lr() - want.data<double>()[i]) < 1e-15);
      if (i % 5 == 4) {
        const auto state = plateau.state_dict();
        plateau = optim::ReduceLROnPlateau(sgd, options);
        plateau.load_state_dict(state);
      }
      plateau.step(second ? -metric[i] : metric[i]);
    }
  }
}

TEST_CASE("Scheduler: parameter groups, resuming, errors") {
  using Group = optim::ParamGroup<optim::SGDOptions>;
  const auto p = parameter();
  const auto q = parameter();
  optim::SGD sgd({Group{{p}, {.lr = 1}}, Group{{q}, {.lr = 10}}});
  optim::Scheduler scheduler(sgd, {optim::exponential_lr(0.5), optim::constant_lr({.factor = 0.1, .total_iters = 1})});
  CHECK(scheduler.last_lr() == std::vector<double>{1, 1});
  scheduler.step();
  scheduler.step();
  CHECK(scheduler.last_lr() == std::vector<double>{0.25, 10});
  const auto state = scheduler.state_dict();

  optim::SGD again({Group{{p}, {.lr = 3}}, Group{{q}, {.lr = 3}}});
  optim::Scheduler resumed(again, {optim::exponential_lr(0.5), optim::constant_lr({.factor = 0.1, .total_iters = 1})});
  resumed.load_state_dict(state);
  CHECK(resumed.steps() == 2);
  CHECK(resumed.last_lr() == std::vector<double>{0.25, 10});
  CHECK_THROWS_WITH(resumed.load_state_dict({}), contains("missing: step, initial_lr"));
  CHECK(resumed.steps() == 2);

  CHECK_THROWS_AS(optim::Scheduler(sgd, std::vector<optim::Schedule>{optim::exponential_lr(1)}), nt::ValueError);
  CHECK_THROWS_WITH(resumed.set_step(-1), contains("at least 0"));
  CHECK_THROWS_WITH(optim::step_lr({.step_size = 0}), contains("step_size"));
  CHECK_THROWS_WITH(optim::sequential_lr({optim::exponential_lr(1)}, {3}), contains("1 schedules, 1 milestones"));
  CHECK_THROWS_AS(optim::one_cycle_lr({.total_steps = 3})(4), nt::ValueError);
  optim::Scheduler diverging(sgd, [](std::int64_t step) { return step < 2 ? 1.0 : -1.0; });
  diverging.step();
  CHECK_THROWS_AS(diverging.step(), nt::ValueError);  // the optimizer rejects a negative rate
  CHECK(diverging.steps() == 1);
}

TEST_CASE("one_cycle_lr has phases of no length, and options are checked") {
  for (const double pct : {0.0, 0.25, 0.5, 1.0}) {
    for (const std::int64_t total : {1, 2, 4}) {
      INFO(pct << " of " << total);
      const auto schedule = optim::one_cycle_lr({.total_steps = total, .pct_start = pct});
      for (std::int64_t step = 0; step <= total; ++step) CHECK(std::isfinite(schedule(step)));
    }
  }
  CHECK(optim::one_cycle_lr({.total_steps = 4, .pct_start = 0.25})(0) == 1);  // begins at its maximum
  CHECK(optim::cosine_annealing_lr({.t_max = 2, .eta_min = 0.1})(2, 5) == Approx(0.1));
  CHECK_THROWS_WITH(optim::one_cycle_lr({.total_steps = 3, .div_factor = 0}), contains("div_factor"));
  CHECK_THROWS_WITH(optim::cosine_annealing_lr({.t_max = 3, .eta_min = -1}), contains("eta_min"));
  optim::SGD sgd({parameter()}, {.lr = 0.5});
  CHECK_THROWS_WITH(optim::ReduceLROnPlateau(sgd, {.factor = 1}), contains("factor"));
  CHECK_THROWS_WITH(optim::ReduceLROnPlateau(sgd, {.patience = -1}), contains("patience"));
  CHECK_THROWS_WITH(optim::ReduceLROnPlateau(sgd, {.threshold = -1}), contains("threshold"));
  CHECK_THROWS_WITH(optim::ReduceLROnPlateau(sgd, {.min_lr = NAN}), contains("min_lr"));
  CHECK_THROWS_WITH(optim::ReduceLROnPlateau(sgd, {.eps = -1}), contains("eps"));
}
