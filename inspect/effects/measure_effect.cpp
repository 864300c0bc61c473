// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/measure_effect.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/effects/judge.hpp>
#include <newtape/inspect/effects/power.hpp>
#include <newtape/inspect/effects/run_cost.hpp>
#include <newtape/inspect/effects/sequential.hpp>
#include <newtape/nn/module/random_streams.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <utility>

namespace newtape::inspect {

namespace {

/// The runs of the baseline or of one technique.
struct Arm {
  std::string name;
  Experiment experiment;
  std::vector<double> values = {};
  std::vector<FailedRun> failures = {};
  std::vector<double> seconds = {};
  std::size_t peak_bytes = 0;
};

/// The upper one of an even number.
double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

ExperimentOutcome run_once(const Arm& arm, const Run& run) {
  const detail::DefaultGeneratorScope state(run.generator(Source::noise));
  const nn::RecordDraws draws;
  ExperimentOutcome outcome;
  detail::CostMeter meter;
  try {
    outcome.value = arm.experiment(run);
    if (!std::isfinite(outcome.value)) outcome.problem = fmt::format("the metric is {}", outcome.value);
  } catch (const std::exception& e) {
    outcome.problem = e.what();
  }
  outcome.seconds = meter.seconds();
  outcome.peak_bytes = meter.peak_bytes();
  if (!outcome.problem.empty()) outcome.value = std::numeric_limits<double>::quiet_NaN();
  return outcome;
}

void record(Arm& arm, int run, const ExperimentOutcome& outcome) {
  arm.values.push_back(outcome.value);
  arm.seconds.push_back(outcome.seconds);
  arm.peak_bytes = std::max(arm.peak_bytes, outcome.peak_bytes);
  if (!outcome.problem.empty()) arm.failures.push_back({arm.name, run, outcome.problem});
}

/// A technique, its test and its result.
struct Comparison {
  Arm arm;
  SequentialSignFlip test;
  Effect effect = {};
  bool done = false;
};

Effect effect_of(const Arm& baseline, const Arm& technique) {
  Effect e;
  e.technique = technique.name;
  const auto n = static_cast<std::ptrdiff_t>(technique.values.size());
  e.baseline_values.assign(baseline.values.begin(), baseline.values.begin() + n);
  e.technique_values = technique.values;
  for (const auto* arm : {&baseline, &technique}) {
    for (const auto& f : arm->failures) {
      if (f.run < n) e.failures.push_back(f);
    }
  }
  e.baseline_cost = {median_of(baseline.seconds), baseline.peak_bytes};
  e.technique_cost = {median_of(technique.seconds), technique.peak_bytes};
  std::vector<double> ratios;
  for (std::size_t i = 0; i < technique.seconds.size(); ++i) {
    ratios.push_back(technique.seconds[i] / baseline.seconds[i]);
  }
  e.time_ratio = median_of(std::move(ratios));
  return e;
}

/// Tests what is there; marks the comparison as done when its effect is clear or its runs are over.
void look_at(Comparison& c, const Arm& baseline, const MeasureEffectOptions& options) {
  c.effect = effect_of(baseline, c.arm);
  const auto d = detail::differences_of(c.effect, options);
  const bool last = static_cast<int>(d.size()) == options.runs;
  c.effect.level = options.level;
  if (options.looks == 1) {
    c.effect.p_value = sign_flip_test(d, 0, {}, Generator(options.seed).fork("sign flips"));
    c.done = true;
    return;
  }
  const auto look = c.test.look(d);
  c.effect.p_value = look.p_value;
  c.effect.level = std::max(options.level, look.level);
  c.effect.stopped_early = look.significant && !last;
  c.done = look.significant || last;
}

/// The runs `from`, .., `until` - 1 of the baseline and of the techniques that are not done.
void carry_out(int from, int until, Arm& baseline, std::vector<Comparison>& comparisons,
               const MeasureEffectOptions& options) {
  // Of a run: the baseline, then the techniques.
  const auto job = [&](int i) {
    const int index = from + i;
    const Run run(options.seed, index, options.vary);
    std::vector<ExperimentOutcome> outcomes(1 + comparisons.size());
    // Alternating, so that a machine that warms up or slows down favours neither.
    if (index % 2 == 0) outcomes[0] = run_once(baseline, run);
    for (std::size_t k = 0; k < comparisons.size(); ++k) {
      if (!comparisons[k].done) outcomes[k + 1] = run_once(comparisons[k].arm, run);
    }
    if (index % 2 == 1) outcomes[0] = run_once(baseline, run);
    return outcomes;
  };
  std::vector<std::vector<ExperimentOutcome>> all;
  if (options.run_jobs) {
    all = options.run_jobs(until - from, job);
  } else {
    for (int i = 0; i < until - from; ++i) all.push_back(job(i));
  }
  for (int i = 0; i < until - from; ++i) {
    const auto& outcomes = all[static_cast<std::size_t>(i)];
    record(baseline, from + i, outcomes[0]);
    for (std::size_t k = 0; k < comparisons.size(); ++k) {
      if (!comparisons[k].done) record(comparisons[k].arm, from + i, outcomes[k + 1]);
    }
  }
}

void announce(const MeasureEffectOptions& o, std::size_t techniques) {
  const double smallest = smallest_effect(o.runs, o.power, (1 - o.level) / static_cast<double>(techniques));
  if (std::isinf(smallest)) {
    fmt::print(stderr, "measure_effect: {} runs cannot show any effect; claims need at least 6\n", o.runs);
    return;
  }
  fmt::print(stderr,
             "measure_effect: {} runs{} find differences from {:.2f} of their standard deviations on (power {:.2g})\n",
             o.runs, o.looks > 1 ? fmt::format(", looked at up to {} times,", o.looks) : "", smallest, o.power);
}

}  // namespace

std::vector<Effect> measure_effects(const Experiment& baseline,
                                    const std::vector<std::pair<std::string, Experiment>>& techniques,
                                    const MeasureEffectOptions& options) {
  detail::check_options("measure_effects", options);
  if (techniques.empty()) raise<ValueError>("measure_effects: there are no techniques", "at least 1", "0");
  // An empty function would count as a run that failed.
  const auto empty = [](const auto& named) { return !named.second; };
  if (!baseline || std::any_of(techniques.begin(), techniques.end(), empty)) {
    raise<ValueError>("measure_effect: baseline and technique must be functions", "that train and return the metric",
                      "an empty function");
  }
  if (!options.quiet) announce(options, techniques.size());

  const double alpha = (1 - options.level) / static_cast<double>(techniques.size());
  Arm first{.name = "baseline", .experiment = baseline};
  std::vector<Comparison> comparisons;
  for (const auto& [name, experiment] : techniques) {
    comparisons.push_back({.arm = {.name = name, .experiment = experiment},
                           .test = SequentialSignFlip(options.runs, {.looks = options.looks, .alpha = alpha},
                                                      Generator(options.seed).fork("sequential " + name))});
  }
  const auto looks = comparisons.front().test.looks();
  int done = 0;
  for (const int until : looks) {
    carry_out(std::exchange(done, until), until, first, comparisons, options);
    for (auto& c : comparisons) {
      if (!c.done) look_at(c, first, options);
    }
    if (std::all_of(comparisons.begin(), comparisons.end(), [](const auto& c) { return c.done; })) break;
  }
  std::vector<Effect> effects;
  for (auto& c : comparisons) {
    detail::describe(c.effect, options, techniques.size());
    effects.push_back(std::move(c.effect));
  }
  detail::judge(effects);
  return effects;
}

Effect measure_effect(const Experiment& baseline, const Experiment& technique, const MeasureEffectOptions& options) {
  return measure_effects(baseline, {{options.technique, technique}}, options).front();
}

}  // namespace newtape::inspect
