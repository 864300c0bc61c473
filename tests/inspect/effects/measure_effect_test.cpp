// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/measure_effect.hpp>
#include <newtape/inspect/effects/power.hpp>
#include <newtape/inspect/effects/sequential.hpp>

#include <nlohmann/json.hpp>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace newtape;
using inspect::Effect;
using inspect::Experiment;
using inspect::MeasureEffectOptions;
using inspect::Run;
using inspect::Verdict;

namespace {

double standard_normal(Generator g) { return random::normal({}, 0, 1, f64, g).item(); }

/// A metric without training: noise that both arms share, and noise of the arm.
Experiment synthetic_arm(const std::string& name, double mean, double std = 1) {
  return [=](const Run& run) {
    return mean + 3 * standard_normal(run.generator(inspect::Source::order)) +
           std * standard_normal(run.generator(inspect::Source::noise, name));
  };
}

/// How many of `count` experiments with planted differences are claimed, and covered by the interval.
struct Tally {
  int claims = 0, covered = 0, bca_covered = 0, wrong_sign = 0, equivalent = 0;
};
Tally repeat(int count, MeasureEffectOptions options, double difference) {
  Tally t;
  options.quiet = true;
  for (int i = 0; i < count; ++i) {
    options.seed = static_cast<std::uint64_t>(i) + 1;
    const double std = std::sqrt(0.5);  // of each arm, so that differences have 1
    const Effect e = inspect::measure_effect(synthetic_arm("a", 0, std), synthetic_arm("b", difference, std), options);
    t.claims += e.is_claim() ? 1 : 0;
    t.wrong_sign += e.verdict == Verdict::harms ? 1 : 0;
    t.equivalent += e.verdict == Verdict::equivalent ? 1 : 0;
    t.covered += e.interval.contains(difference) ? 1 : 0;
    t.bca_covered += e.bca.contains(difference) ? 1 : 0;
  }
  return t;
}

/// Three standard deviations of a count with this probability.
double three_sigma(int count, double p) { return 3 * std::sqrt(count * p * (1 - p)); }

const MeasureEffectOptions quiet{.quiet = true};

}  // namespace

TEST_CASE("a thousand null experiments give at most 5 % claims and 95 % coverage", "[effects]") {
  constexpr int count = 1000;
  const auto t = repeat(count, {.runs = 10}, 0);
  INFO("claims " << t.claims << ", covered " << t.covered << ", by BCa alone " << t.bca_covered);
  CHECK(t.claims <= 0.05 * count + three_sigma(count, 0.05));
  CHECK(t.covered >= 0.95 * count - three_sigma(count, 0.95));
  // Resampling from 10 numbers covers less (0.93 to 0.94 for normal ones, by simulation in NumPy).
  CHECK(t.bca_covered >= 0.93 * count - three_sigma(count, 0.93));
}

TEST_CASE("a thousand null experiments that stop early give at most 5 % claims", "[effects]") {
  constexpr int count = 1000;
  const auto t = repeat(count, {.runs = 12, .looks = 3}, 0);
  INFO("claims " << t.claims << ", covered " << t.covered);
  CHECK(t.claims <= 0.05 * count + three_sigma(count, 0.05));
  CHECK(t.covered >= 0.95 * count - three_sigma(count, 0.95));
}

TEST_CASE("null experiments with heavy tails, ties and failed runs give at most 5 % claims", "[effects]") {
  constexpr int count = 400;
  // Skewed, in steps of 1/4, and one run in ten fails.
  const auto arm = [](const std::string& name) {
    return [name](const Run& run) -> double {
      auto g = run.generator(inspect::Source::noise, name);
      const double u = random::uniform({}, 0, 1, f64, g).item();
      if (random::uniform({}, 0, 1, f64, g).item() < 0.1) throw std::runtime_error("diverged");
      return std::floor(-4 * std::log1p(-u)) / 4;
    };
  };
  int claims = 0;
  int covered = 0;
  for (int i = 0; i < count; ++i) {
    const auto e =
        inspect::measure_effect(arm("a"), arm("b"), {.seed = static_cast<std::uint64_t>(i) + 1, .quiet = true});
    claims += e.is_claim() ? 1 : 0;
    covered += e.interval.contains(0) ? 1 : 0;
  }
  INFO("claims " << claims << ", covered " << covered);
  CHECK(claims <= 0.05 * count + three_sigma(count, 0.05));
  CHECK(covered >= 0.95 * count - three_sigma(count, 0.95));
}

TEST_CASE("planted effects are found with the power that was predicted", "[effects]") {
  constexpr int count = 400;
  for (const auto& [runs, effect] : {std::pair(6, 1.5), std::pair(10, 1.0), std::pair(12, 0.6)}) {
    const double predicted = inspect::paired_power(effect, runs);
    const auto t = repeat(count, {.runs = runs}, effect);
    INFO(runs << " runs, effect " << effect << ": predicted " << predicted << ", found " << t.claims / double{count});
    // From 8 runs on the power of the sign-flip test is up to 0.01 below that of the t test, by simulation in NumPy.
    CHECK(std::abs(t.claims - count * predicted) <= three_sigma(count, predicted) + 0.01 * count);
    CHECK(t.wrong_sign <= 1);
  }
}

TEST_CASE("no effect is told from a lack of runs by the margin", "[effects]") {
  const auto t = repeat(100, {.runs = 14, .margin = 1.3}, 0);
  CHECK(t.equivalent >= 80);
  // At the margin itself equivalence is claimed in 5 % of the cases.
  const auto at = repeat(400, {.runs = 10, .margin = 0.5}, 0.5);
  CHECK(at.equivalent <= 0.05 * 400 + three_sigma(400, 0.05));
}

TEST_CASE("the mean of paired runs is free of the noise that both share", "[effects]") {
  const auto e = inspect::measure_effect(synthetic_arm("a", 0, 0.01), synthetic_arm("b", 0.1, 0.01), quiet);
  CHECK(e.verdict == Verdict::helps);
  CHECK(std::abs(e.difference - 0.1) <= bounds::mean_of(10, 0.01 * std::sqrt(2.0)));
  CHECK(e.improvement == 1);
  CHECK(e.p_value == 2.0 / 1024);
  CHECK(e.runs() == 10);
  CHECK(e.smallest_effect == Approx(inspect::smallest_effect(10)));
}

TEST_CASE("a technique that is worse harms, in either direction of the metric", "[effects]") {
  MeasureEffectOptions options = quiet;
  CHECK(inspect::measure_effect(synthetic_arm("a", 1, 0.1), synthetic_arm("b", 0, 0.1), options).verdict ==
        Verdict::harms);
  options.higher_is_better = false;
  const auto e = inspect::measure_effect(synthetic_arm("a", 1, 0.1), synthetic_arm("b", 0, 0.1), options);
  CHECK(e.verdict == Verdict::helps);
  CHECK(e.improvement == 1);
  CHECK(e.difference < 0);
}

TEST_CASE("no claim is made from fewer than six runs", "[effects]") {
  MeasureEffectOptions options = quiet;
  for (const int runs : {1, 2, 5}) {
    options.runs = runs;
    const auto e = inspect::measure_effect(synthetic_arm("a", 0, 0.01), synthetic_arm("b", 9, 0.01), options);
    CHECK(e.verdict == Verdict::cannot_tell);
    CHECK(std::isinf(e.smallest_effect));
    CHECK_THAT(to_string(e), contains("claims need at least 6 runs"));
  }
  options.runs = 6;
  CHECK(inspect::measure_effect(synthetic_arm("a", 0, 0.01), synthetic_arm("b", 9, 0.01), options).is_claim());
}

TEST_CASE("equal techniques do not differ", "[effects]") {
  const auto e = inspect::measure_effect(synthetic_arm("a", 0), synthetic_arm("a", 0), quiet);
  CHECK(e.verdict == Verdict::cannot_tell);
  CHECK(e.difference == 0);
  CHECK(e.p_value == 1);
  CHECK_THAT(to_string(e), contains("the runs do not differ"));
}

TEST_CASE("measure_effect: the effect does not depend on who carries out the runs, nor on their order", "[effects]") {
  const Experiment failing = [](const Run& run) -> double {
    if (run.index() == 2) throw std::runtime_error("diverged");
    return synthetic_arm("b", 1)(run);
  };
  for (const int looks : {1, 2}) {
    MeasureEffectOptions options{.runs = 8, .looks = looks, .quiet = true};
    const Effect here = inspect::measure_effect(synthetic_arm("a", 0), failing, options);
    int jobs = 0;
    options.run_jobs = [&](int n, const std::function<std::vector<inspect::ExperimentOutcome>(int)>& job) {
      std::vector<std::vector<inspect::ExperimentOutcome>> all(static_cast<std::size_t>(n));
      for (int i = n; i-- > 0; ++jobs) all[static_cast<std::size_t>(i)] = job(i);
      return all;
    };
    const Effect elsewhere = inspect::measure_effect(synthetic_arm("a", 0), failing, options);
    CHECK(jobs == static_cast<int>(here.baseline_values.size()));
    CHECK(elsewhere.baseline_values == here.baseline_values);
    CHECK(elsewhere.technique_values == here.technique_values);
    CHECK(elsewhere.p_value == here.p_value);
    REQUIRE(elsewhere.failures.size() == 1);
    CHECK(elsewhere.failures[0].run == 2);
  }
}

TEST_CASE("several techniques share the baseline, and Holm's method adjusts", "[effects]") {
  int baseline_runs = 0;
  const auto baseline = [&](const Run& run) {
    ++baseline_runs;
    return synthetic_arm("a", 0, 0.1)(run);
  };
  const std::vector<std::pair<std::string, Experiment>> techniques = {{"good", synthetic_arm("b", 1, 0.1)},
                                                                      {"nothing", synthetic_arm("c", 0, 0.1)},
                                                                      {"bad", synthetic_arm("d", -1, 0.1)}};
  const auto effects = inspect::measure_effects(baseline, techniques, quiet);
  REQUIRE(effects.size() == 3);
  CHECK(baseline_runs == 10);
  CHECK(effects[0].verdict == Verdict::helps);
  CHECK(effects[2].verdict == Verdict::harms);
  CHECK(effects[0].adjusted_p == Approx(3 * 2.0 / 1024));
  CHECK(effects[1].adjusted_p >= effects[1].p_value);
  CHECK_THAT(inspect::to_string(effects), contains("no detectable effect") || contains("harms"));
  CHECK(nlohmann::json::parse(inspect::to_json(effects)).size() == 3);
}

TEST_CASE("ten useless techniques are not claimed to help", "[effects]") {
  int claims = 0;
  constexpr int families = 60;
  for (int i = 0; i < families; ++i) {
    std::vector<std::pair<std::string, Experiment>> techniques;
    for (int k = 0; k < 10; ++k) {
      const std::string name = "t" + std::to_string(k);
      techniques.emplace_back(name, synthetic_arm(name, 0));
    }
    MeasureEffectOptions options = quiet;
    options.runs = 12;
    options.seed = static_cast<std::uint64_t>(1000 + i);
    const auto effects = inspect::measure_effects(synthetic_arm("a", 0), techniques, options);
    claims += std::any_of(effects.begin(), effects.end(), [](const Effect& e) { return e.is_claim(); }) ? 1 : 0;
  }
  CHECK(claims <= 0.05 * families + three_sigma(families, 0.05));
}

TEST_CASE("a clear effect stops the runs early", "[effects]") {
  MeasureEffectOptions options = quiet;
  options.runs = 40;
  options.looks = 4;
  int runs = 0;
  const auto technique = [&](const Run& run) {
    ++runs;
    return synthetic_arm("b", 5, 0.5)(run);
  };
  const auto e = inspect::measure_effect(synthetic_arm("a", 0, 0.5), technique, options);
  CHECK(e.verdict == Verdict::helps);
  CHECK(e.stopped_early);
  CHECK(e.runs() < 40);
  CHECK(e.runs() == runs);
  CHECK(e.level > 0.95);  // the repeated interval
  CHECK(e.p_value <= 0.05);
  CHECK_THAT(to_string(e), contains("stopped early of 40"));
}

TEST_CASE("failed runs are reported and count against their arm", "[effects]") {
  const auto fails = [](const std::string& name, double mean, int which) {
    return [=](const Run& run) -> double {
      if (run.index() == which) throw std::runtime_error("diverged");
      if (run.index() == which + 1) return std::nan("");
      return synthetic_arm(name, mean, 0.1)(run);
    };
  };
  const auto e = inspect::measure_effect(synthetic_arm("a", 0, 0.1), fails("b", 1, 3), quiet);
  REQUIRE(e.failures.size() == 2);
  CHECK(e.failures[0].arm == "technique");
  CHECK(e.failures[0].run == 3);
  CHECK(e.failures[0].what == "diverged");
  CHECK_THAT(to_string(e), contains("failed          technique, run 4: the metric is nan"));
  double worst = 1e9;
  for (std::size_t i = 0; i < e.baseline_values.size(); ++i) {
    worst = std::min(worst, e.baseline_values[i]);
    if (i != 3 && i != 4) worst = std::min(worst, e.technique_values[i]);
  }
  CHECK(e.technique_values[3] == worst);
  CHECK(e.technique_values[4] == worst);

  MeasureEffectOptions options = quiet;
  options.failed_value = -7;
  CHECK(inspect::measure_effect(fails("a", 0, 2), synthetic_arm("b", 1, 0.1), options).baseline_values[2] == -7);
  // Nothing but failures.
  const auto never = [](const Run&) -> double { throw std::runtime_error("never"); };
  const auto nothing = inspect::measure_effect(never, never, quiet);
  CHECK(nothing.failures.size() == 20);
  CHECK(nothing.verdict == Verdict::cannot_tell);
}

TEST_CASE("the runs leave the default generator as it was", "[effects]") {
  const Generator before = default_generator();
  const auto draws = [](const Run&) { return random::normal({}, 0, 1, f64).item(); };
  const auto e = inspect::measure_effect(draws, draws, quiet);
  CHECK(default_generator().seed() == before.seed());
  CHECK(default_generator().position() == before.position());
  CHECK(e.difference == 0);  // both start from the same state
}

TEST_CASE("an effect prints as text and as JSON", "[effects]") {
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < 8; ++i) {
    a.push_back(0.1 * i);
    b.push_back(0.1 * i + 0.05 + 0.001 * (i % 3));
  }
  const auto e = inspect::judge_effect(a, b, {.metric = "accuracy", .technique = "norm"});
  CHECK(e.verdict == Verdict::helps);
  CHECK_THAT(fmt::format("{}", e), contains("norm helps: +0.05"));
  const auto json = nlohmann::json::parse(inspect::to_json(e));
  CHECK(json["verdict"] == "helps");
  CHECK(json["p_value"].get<double>() == 2.0 / 256);
  CHECK(json["baseline_values"].size() == 8);
  CHECK(json["interval"][0].get<double>() == e.interval.low);
  // Infinite ends are null.
  const auto short_of_runs = inspect::judge_effect({1, 2}, {2, 4});
  CHECK(nlohmann::json::parse(inspect::to_json(short_of_runs))["interval"][0].is_null());
}

TEST_CASE("measure_effect takes time and memory", "[effects]") {
  const auto large = [](const Run& run) {
    const Array block = Array::empty({1 << 20}, f64);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < until) {
    }
    return static_cast<double>(block.size()) + run.index();
  };
  MeasureEffectOptions options = quiet;
  options.runs = 1;
  const auto e = inspect::measure_effect([](const Run&) { return 0.0; }, large, options);
  CHECK(e.technique_cost.seconds >= 0.02);
  CHECK(e.technique_cost.peak_bytes >= (std::size_t{1} << 23));
}

TEST_CASE("options of measure_effect are checked", "[effects]") {
  const auto zero = [](const Run&) { return 0.0; };
  CHECK_THROWS_AS(inspect::measure_effect(zero, zero, {.runs = 0}), ValueError);
  CHECK_THROWS_AS(inspect::measure_effect(zero, zero, {.margin = -1}), ValueError);
  CHECK_THROWS_AS(inspect::measure_effect(zero, zero, {.level = 1}), ValueError);
  CHECK_THROWS_AS(inspect::measure_effects(zero, {}), ValueError);
  CHECK_THROWS_AS(inspect::judge_effect({1}, {1, 2}), ValueError);
}

TEST_CASE("a sequential test spends its level as Lan and DeMets have it", "[effects]") {
  inspect::SequentialSignFlip test(20, {.looks = 4});
  CHECK(test.looks() == std::vector<int>{10, 15, 20});  // none before the sixth run
  // 2 - 2 Phi(1.959964 / sqrt(t)) by SciPy.
  CHECK(test.spent(10) == Approx(0.00557).epsilon(1e-3));
  CHECK(test.spent(15) == Approx(0.02363).epsilon(1e-3));
  CHECK(test.spent(20) == 0.05);
  const std::vector<double> d(10, 1.0);
  CHECK_THROWS_AS(test.look(std::vector<double>(9, 1.0)), ValueError);
  const auto look = test.look(d);
  CHECK(look.significant);  // 2 / 2^10 < 0.0056
  CHECK(look.p_value <= test.spent(10));
  CHECK_THROWS_AS(inspect::SequentialSignFlip(0), ValueError);
}

TEST_CASE("measure_effect refuses empty functions") {
  const inspect::Experiment one = [](const inspect::Run&) { return 1.0; };
  CHECK_THROWS_AS(inspect::measure_effect({}, one, {.quiet = true}), ValueError);
  CHECK_THROWS_AS(inspect::measure_effect(one, {}, {.quiet = true}), ValueError);
}

TEST_CASE("what the runs can find is said before the first of them", "[effects]") {
  const auto written_by = [](int runs, bool silent) {
    std::fflush(stderr);
    const int before = dup(STDERR_FILENO);
    std::FILE* const file = std::tmpfile();
    dup2(fileno(file), STDERR_FILENO);
    bool first = true;
    const auto experiment = [&](const Run& run) {
      if (std::exchange(first, false)) std::fputs("first run\n", stderr);
      return static_cast<double>(run.index());
    };
    inspect::measure_effect(experiment, experiment, {.runs = runs, .quiet = silent});
    std::fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    std::string text(4096, '\0');
    std::rewind(file);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
  };
  // Paired t-test, two-sided at 0.05, power 0.8, by SciPy's noncentral t: 0.9960 of 10 runs, 0.6604 of 20.
  CHECK(written_by(10, false) ==
        "measure_effect: 10 runs find differences from 1.00 of their standard deviations on (power 0.8)\nfirst run\n");
  CHECK(written_by(20, false).find(" from 0.66 of ") != std::string::npos);
  CHECK(written_by(5, false) == "measure_effect: 5 runs cannot show any effect; claims need at least 6\nfirst run\n");
  CHECK(written_by(10, true) == "first run\n");
}
