// SPDX-License-Identifier: BSD-3-Clause
// Measures what common techniques change on the included data sets, and writes docs/effects.md.
#include "comparisons.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <fstream>
#include <functional>

namespace {

using newtape::inspect::Effect;
using newtape::inspect::Verdict;

std::string table_row(const Effect& e) {
  const double length = e.interval.high - e.interval.low;
  const int n = length < 0.2 ? 4 : length < 20 ? 2 : 1;
  const std::string p =
      e.adjusted_p < 0.001 ? fmt::format("{:.0e}", e.adjusted_p) : fmt::format("{:.3f}", e.adjusted_p);
  return fmt::format("| {} | {:+.{}f} | {:+.{}f} to {:+.{}f} | {} | {:.2f} | {:+.2f} | {:.1f} | **{}** |\n",
                     e.technique, e.difference, n, e.interval.low, n, e.interval.high, n, p, e.improvement,
                     e.effect_size, e.time_ratio, verdict_text(e));
}

std::string section(const ComparisonResult& r) {
  std::string text = fmt::format("## {}\n\n{}\n\n", r.title, r.setting);
  for (const auto& t : r.techniques) text += "- " + t + "\n";
  const Effect& first = r.effects.front();
  double mean = 0;
  for (const double v : first.baseline_values) mean += v / first.runs();
  text += fmt::format(
      "\nBaseline: {:.4g}, mean of {} runs of {:.2g} s. These find differences from {:.2f} standard "
      "deviations on.\n\n",
      mean, first.runs(), first.baseline_cost.seconds, first.smallest_effect);
  text += "| technique | difference | 95 % interval | p | P(better) | effect size | time | verdict |\n";
  text += "|---|---|---|---|---|---|---|---|\n";
  for (const auto& e : r.effects) text += table_row(e);
  std::string remarks;
  for (const auto& e : r.effects) {
    if (e.verdict == Verdict::cannot_tell) remarks += "- " + newtape::inspect::summary(e) + ".\n";
    for (const auto& f : e.failures) remarks += fmt::format("- {}, run {} failed: {}\n", f.arm, f.run, f.what);
  }
  return text + (remarks.empty() ? "" : "\n" + remarks) + "\n";
}

constexpr const char* introduction =
    "# Effects of common techniques\n\n"
    "Whether L1, L2, dropout, batch norm, K-FAC and LSTM help on the data sets that come along, measured by\n"
    "`nt::inspect::measure_effects`. This page is written by `./dev bench effects`.\n\n"
    "Baseline and technique run in pairs with common random numbers; split, initial weights, order and noise differ "
    "from\n"
    "pair to pair. The difference is technique - baseline. `p` is that of the sign-flip test, adjusted by Holm's "
    "method for\n"
    "the techniques of a table; the effect size is in standard deviations of the paired differences; `time` is that of "
    "a\n"
    "run, relative to the baseline. A technique \"helps\" or \"harms\" when p is at most 0.05 and the interval "
    "excludes 0; it\n"
    "has \"no effect larger than the margin\" when two one-sided tests say so. Settings were fixed beforehand and not "
    "tuned\n"
    "for any of them: another strength of a penalty, another network or more data may give another answer.\n\n"
    "A technique of one's own takes two functions that train and return a number, here one with batch norm and one\n"
    "without:\n\n"
    "<!-- from examples/23_batch_norm_effect.cpp -->\n"
    "```cpp\n"
    "  const auto effect =\n"
    "      inspect::measure_effect(without, with, {.runs = 10, .metric = \"accuracy\", .technique = \"batch norm\"});\n"
    "  fmt::print(\"{}\\n\", effect);\n"
    "```\n\n";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Effects of common techniques on the included data sets");
  std::string output = NEWTAPE_EFFECTS_PAGE;
  int runs = 40;
  app.add_option("--output", output, "the page")->capture_default_str();
  app.add_option("--runs", runs, "pairs of runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const std::vector<std::function<ComparisonResult(const ComparisonOptions&)>> comparisons = {
      compare_on_digits,   compare_optimizers_on_digits, compare_on_breast_cancer,
      compare_on_diabetes, compare_on_sunspots,          compare_on_text};
  std::string page = introduction;
  for (const auto& compare : comparisons) {
    const auto result = compare({.runs = runs});
    fmt::print("{}: {}\n\n{}\n", result.title, result.setting, newtape::inspect::to_string(result.effects));
    page += section(result);
  }
  std::ofstream file(output);
  file << page.substr(0, page.size() - 1);
  if (!file.flush()) {
    fmt::print(stderr, "cannot write {}\n", output);
    return 1;
  }
  fmt::print("written to {}\n", output);
  return 0;
}
