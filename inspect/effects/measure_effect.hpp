// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/effects/effect.hpp>
#include <newtape/inspect/effects/run.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Whether a technique helps:
///
///     const auto train = [&](const inspect::Run& run, bool norm) {
///       const Net net(norm);
///       run.initialize(net);
///       data::Loader loader(set, run.loader({.batch_size = 64}));
///       ..
///       return accuracy;
///     };
///     fmt::print("{}", inspect::measure_effect([&](const auto& run) { return train(run, false); },
///                                              [&](const auto& run) { return train(run, true); },
///                                              {.runs = 12, .metric = "test accuracy"}));
namespace newtape::inspect {

/// Trains with the random numbers of the run, and returns the metric.
using Experiment = std::function<double(const Run& run)>;

/// What a run of the baseline or of a technique gave.
struct ExperimentOutcome {
  double value = 0;          ///< the metric; NaN when the run has failed
  std::string problem = {};  ///< why it has
  double seconds = 0;
  std::size_t peak_bytes = 0;
};

/// Carries out jobs 0, .., n - 1, each once, and returns what each gave. Several processes may divide them, if each of
/// them returns all.
using RunJobs = std::function<std::vector<std::vector<ExperimentOutcome>>(
    int n, const std::function<std::vector<ExperimentOutcome>(int job)>& job)>;

struct MeasureEffectOptions {
  int runs = 10;                        ///< pairs; the most, with `looks`
  std::string metric = "metric";        ///< its name
  std::string technique = "technique";  ///< its name; measure_effects has one for each
  bool higher_is_better = true;
  Vary vary = {};
  double margin = 0;    ///< smallest difference of interest, for a verdict of equivalence; 0: none
  double level = 0.95;  ///< of the interval; claims are made at 1 - level
  double power = 0.8;   ///< for the smallest effect that the runs find, and for the number of runs needed
  int looks = 1;  ///< more: stops early, after a share of the runs, when the effect is clear (SequentialSignFlip);
                  ///< several techniques are then tested at (1 - level) / techniques each
  std::uint64_t seed = 0;
  std::optional<double> failed_value = {};  ///< the metric of a run that fails; none: the worst of all runs
  RunJobs run_jobs = {};                    ///< none: one after the other, here. A job is a run of all techniques
  bool quiet = false;                       ///< false: says on standard error beforehand what the runs can find
};

/// Runs baseline and technique in pairs with common random numbers, alternating which is first, and tells whether the
/// technique helps. It does, or harms, if the sign-flip test rejects and the interval of the mean difference excludes 0;
/// it has no effect larger than the margin if two one-sided tests say so; else one cannot tell. No claim is made from
/// fewer than 6 runs. Each run starts with the default generator in the same state in both.
///
/// A run that throws a std::exception, or returns a number that is not finite, is reported and counts against its arm:
/// its metric becomes `failed_value`, or the worst of all finite ones of either arm, which keeps the two exchangeable if
/// they are equal (worst-rank scores, Lachin 1999). ValueError for options out of their ranges.
Effect measure_effect(const Experiment& baseline, const Experiment& technique,
                      const MeasureEffectOptions& options = {});

/// Several techniques against one baseline, whose runs they share; p-values are adjusted by Holm's method.
std::vector<Effect> measure_effects(const Experiment& baseline,
                                    const std::vector<std::pair<std::string, Experiment>>& techniques,
                                    const MeasureEffectOptions& options = {});

/// The same judgement of numbers that are there already, paired by index; NaN stands for a failed run.
Effect judge_effect(std::vector<double> baseline, std::vector<double> technique,
                    const MeasureEffectOptions& options = {});

}  // namespace newtape::inspect
