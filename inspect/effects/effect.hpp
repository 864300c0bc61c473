// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/inspect/effects/statistics.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace newtape::inspect {

/// What an experiment shows of a technique.
enum class Verdict {
  helps,        ///< the metric is better than the baseline's
  harms,        ///< the metric is worse than the baseline's
  equivalent,   ///< no effect larger than the margin
  cannot_tell,  ///< neither: more runs could
};

/// A run that threw, or whose metric was not finite.
struct FailedRun {
  std::string arm;  ///< "baseline", or the name of the technique
  int run = 0;      ///< index of the run
  std::string what;
};

/// Seconds and memory of the runs of one arm.
struct RunCost {
  double seconds = 0;          ///< median over the runs
  std::size_t peak_bytes = 0;  ///< largest memory of arrays above that at the start, sampled every millisecond
};

/// What a technique changes in comparison with the baseline: see measure_effect. Differences are technique - baseline.
struct Effect {
  std::string technique = "technique";
  std::string metric = "metric";
  bool higher_is_better = true;
  int planned_runs = 0;
  std::vector<double> baseline_values, technique_values;  ///< one a run; failed runs replaced
  std::vector<FailedRun> failures;

  double difference = 0;     ///< mean
  double level = 0.95;       ///< of the interval; after an early stop that of the repeated interval
  Interval bca;              ///< BCa bootstrap interval of the mean difference
  Interval interval;         ///< the same, widened to what the sign-flip test does not reject (sign_flip_interval)
  double p_value = 1;        ///< sign-flip test
  double adjusted_p = 1;     ///< by Holm's method, for several techniques
  double alpha = 0.05;       ///< to which it is compared
  double improvement = 0;    ///< P(the technique is better), ties as one half
  double effect_size = 0;    ///< in standard deviations of the differences
  double margin = 0;         ///< smallest difference of interest; 0: not given
  double p_equivalence = 1;  ///< of |mean| >= margin
  double bound = 0;          ///< |mean difference| is below it, at the level that equivalence has
  double power = 0.8;
  double smallest_effect = 0;  ///< effect size that these runs find with this power
  int runs_needed = 0;         ///< for the margin, or without one for the observed effect; 0: unknown
  bool stopped_early = false;
  RunCost baseline_cost, technique_cost;
  double time_ratio = 1;  ///< technique / baseline, median over the pairs
  Verdict verdict = Verdict::cannot_tell;

  /// The number of pairs of runs.
  int runs() const noexcept { return static_cast<int>(baseline_values.size()); }
  /// Whether the technique is said to help or to harm.
  bool is_claim() const noexcept { return verdict == Verdict::helps || verdict == Verdict::harms; }
};

/// "helps", "harms", "no effect larger than the margin" or "cannot tell".
std::string to_string(Verdict verdict);
/// The verdict with what the margin says: "helps, by less than the margin", "no detectable effect".
std::string verdict_text(const Effect& effect);
/// One sentence: "batch norm helps: +0.0210 accuracy (95 % interval 0.0120 to 0.0300)".
std::string summary(const Effect& effect);
/// The whole result, on about ten lines.
std::string to_string(const Effect& effect);
/// As a JSON object with the names of the members.
std::string to_json(const Effect& effect);
/// Several as a table, one line a technique, and as a JSON list.
std::string to_string(const std::vector<Effect>& effects);
std::string to_json(const std::vector<Effect>& effects);

}  // namespace newtape::inspect

template <>
struct fmt::formatter<newtape::inspect::Effect> : newtape::detail::StringFormatter {
  auto format(const newtape::inspect::Effect& x, fmt::format_context& ctx) const {
    return write(newtape::inspect::to_string(x), ctx);
  }
};
