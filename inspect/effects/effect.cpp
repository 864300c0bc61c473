// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/effect.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {

namespace {

std::string p_text(double p) { return p < 0.001 ? fmt::format("{:.1e}", p) : fmt::format("{:.3f}", p); }

/// Numbers with as many decimals as the interval's length calls for.
int decimals_of(const Effect& e) {
  const double length = e.interval.high - e.interval.low;
  const double scale = std::isfinite(length) && length > 0 ? length : std::abs(e.difference);
  if (!(scale > 0) || !std::isfinite(scale)) return 4;
  return std::clamp(static_cast<int>(std::ceil(2 - std::log10(scale))), 0, 12);
}

std::string percent(double level) { return fmt::format("{:.4g} %", 100 * level); }

std::string interval_text(const Effect& e) {
  const int n = decimals_of(e);
  return fmt::format("{} interval {:+.{}f} to {:+.{}f}", percent(e.level), e.interval.low, n, e.interval.high, n);
}

double mean_of_values(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// What would settle the question.
std::string outlook(const Effect& e) {
  if (e.runs() < 6) return "claims need at least 6 runs";
  const std::string what =
      e.margin > 0 ? fmt::format("a difference of {:.4g}", e.margin) : "a difference as large as this";
  if (e.runs_needed == 0) return "the runs do not differ";
  if (e.runs_needed <= e.runs()) return fmt::format("{} runs suffice for {} on average", e.runs_needed, what);
  if (e.runs_needed >= 1'000'000) return fmt::format("{} takes a million runs or more", what);
  return fmt::format("{} takes about {} runs at power {:.2g}", what, e.runs_needed, e.power);
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::helps: return "helps";
    case Verdict::harms: return "harms";
    case Verdict::equivalent: return "no effect larger than the margin";
    default: return "cannot tell";
  }
}

std::string verdict_text(const Effect& e) {
  if (e.verdict == Verdict::cannot_tell) return "no detectable effect";
  const bool small = e.is_claim() && e.margin > 0 && e.p_equivalence <= e.alpha && e.bound < e.margin;
  return to_string(e.verdict) + (small ? ", by less than the margin" : "");
}

std::string summary(const Effect& e) {
  const int n = decimals_of(e);
  switch (e.verdict) {
    case Verdict::helps:
    case Verdict::harms:
      return fmt::format("{} {}: {:+.{}f} {} ({})", e.technique, verdict_text(e), e.difference, n, e.metric,
                         interval_text(e));
    case Verdict::equivalent:
      return fmt::format("{} has no effect on {} larger than {:.4g}", e.technique, e.metric, e.margin);
    default:
      return fmt::format("{} has no detectable effect on {}: {:+.{}f} ({}); {}", e.technique, e.metric, e.difference, n,
                         interval_text(e), outlook(e));
  }
}

std::string to_string(const Effect& e) {
  const int n = decimals_of(e);
  std::string text = summary(e) + "\n";
  text += fmt::format("  runs            {} pairs{}\n", e.runs(),
                      e.stopped_early ? fmt::format(", stopped early of {}", e.planned_runs) : "");
  text +=
      fmt::format("  means           baseline {:.{}f}, {} {:.{}f} ({} is better)\n", mean_of_values(e.baseline_values),
                  n, e.technique, mean_of_values(e.technique_values), n, e.higher_is_better ? "higher" : "lower");
  text += fmt::format("  difference      {:+.{}f}, {} (BCa {:+.{}f} to {:+.{}f})\n", e.difference, n, interval_text(e),
                      e.bca.low, n, e.bca.high, n);
  text += fmt::format("  sign-flip p     {}{}\n", p_text(e.p_value),
                      e.adjusted_p != e.p_value ? fmt::format(", {} by Holm's method", p_text(e.adjusted_p)) : "");
  text += fmt::format("  P(better)       {:.2f}\n", e.improvement);
  text += fmt::format("  effect size     {:+.2f} standard deviations; {} runs find {:.2f} with probability {:.2g}\n",
                      e.effect_size, e.runs(), e.smallest_effect, e.power);
  if (e.margin > 0)
    text += fmt::format("  equivalence p   {} for a margin of {:.4g}\n", p_text(e.p_equivalence), e.margin);
  text += fmt::format("  bound           the mean difference is below {:.{}f} in size\n", e.bound, n);
  constexpr double mebi = 1024 * 1024;
  text += fmt::format("  a run takes     {:.3g} s and {:.3g} MiB, baseline {:.3g} s and {:.3g} MiB (time x {:.2f})\n",
                      e.technique_cost.seconds, static_cast<double>(e.technique_cost.peak_bytes) / mebi,
                      e.baseline_cost.seconds, static_cast<double>(e.baseline_cost.peak_bytes) / mebi, e.time_ratio);
  for (const auto& f : e.failures) text += fmt::format("  failed          {}, run {}: {}\n", f.arm, f.run, f.what);
  return text;
}

namespace {

/// JSON has no infinities: null.
nlohmann::json json_number(double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr); }
nlohmann::json json_interval(const Interval& x) { return {json_number(x.low), json_number(x.high)}; }

nlohmann::json json_of(const Effect& e) {
  nlohmann::json failures = nlohmann::json::array();
  for (const auto& f : e.failures) failures.push_back({{"arm", f.arm}, {"run", f.run}, {"what", f.what}});
  const auto cost = [](const RunCost& c) {
    return nlohmann::json{{"seconds", c.seconds}, {"peak_bytes", c.peak_bytes}};
  };
  return {{"technique", e.technique},
          {"metric", e.metric},
          {"higher_is_better", e.higher_is_better},
          {"verdict", to_string(e.verdict)},
          {"summary", summary(e)},
          {"runs", e.runs()},
          {"planned_runs", e.planned_runs},
          {"stopped_early", e.stopped_early},
          {"baseline_values", e.baseline_values},
          {"technique_values", e.technique_values},
          {"difference", json_number(e.difference)},
          {"level", e.level},
          {"interval", json_interval(e.interval)},
          {"bca", json_interval(e.bca)},
          {"p_value", e.p_value},
          {"adjusted_p", e.adjusted_p},
          {"alpha", e.alpha},
          {"improvement", e.improvement},
          {"effect_size", json_number(e.effect_size)},
          {"margin", e.margin},
          {"p_equivalence", e.p_equivalence},
          {"bound", json_number(e.bound)},
          {"power", e.power},
          {"smallest_effect", json_number(e.smallest_effect)},
          {"runs_needed", e.runs_needed},
          {"baseline_cost", cost(e.baseline_cost)},
          {"technique_cost", cost(e.technique_cost)},
          {"time_ratio", e.time_ratio},
          {"failures", std::move(failures)}};
}

std::string dump(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const Effect& effect) { return dump(json_of(effect)); }

std::string to_json(const std::vector<Effect>& effects) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& e : effects) list.push_back(json_of(e));
  return dump(list);
}

std::string to_string(const std::vector<Effect>& effects) {
  std::size_t width = 9;
  for (const auto& e : effects) width = std::max(width, e.technique.size());
  std::string text = fmt::format("{:<{}}  {:>11}  {:>25}  {:>8}  {:>9}  {:>7}  {:>5}  verdict\n", "technique", width,
                                 "difference", "interval", "p", "P(better)", "effect", "time");
  for (const auto& e : effects) {
    const int n = decimals_of(e);
    text += fmt::format("{:<{}}  {:>+11.{}f}  {:>25}  {:>8}  {:>9.2f}  {:>+7.2f}  {:>4.2f}x  {}\n", e.technique, width,
                        e.difference, n, fmt::format("{:+.{}f} to {:+.{}f}", e.interval.low, n, e.interval.high, n),
                        p_text(e.adjusted_p), e.improvement, e.effect_size, e.time_ratio, verdict_text(e));
  }
  return text;
}

}  // namespace newtape::inspect
