// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/judge.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/power.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace newtape::inspect {

namespace detail {

void check_options(const char* function, const MeasureEffectOptions& o) {
  const bool good = o.runs >= 1 && o.looks >= 1 && o.level > 0 && o.level < 1 && o.power > 0 && o.power < 1 &&
                    o.margin >= 0 && std::isfinite(o.margin) && std::isfinite(o.failed_value.value_or(0));
  if (good) return;
  raise<ValueError>(fmt::format("{}: an option is out of range", function),
                    "runs >= 1, looks >= 1, 0 < level < 1, 0 < power < 1, finite margin >= 0 and failed_value",
                    fmt::format("runs = {}, looks = {}, level = {}, power = {}, margin = {}, failed_value = {}", o.runs,
                                o.looks, o.level, o.power, o.margin, o.failed_value.value_or(0)));
}

std::vector<double> differences_of(Effect& effect, const MeasureEffectOptions& options) {
  const double sign = options.higher_is_better ? 1 : -1;
  double worst = std::numeric_limits<double>::infinity();  // times `sign`
  for (const auto* values : {&effect.baseline_values, &effect.technique_values}) {
    for (const double v : *values) worst = std::isfinite(v) ? std::min(worst, sign * v) : worst;
  }
  const double replacement = options.failed_value.value_or(std::isfinite(worst) ? sign * worst : 0);
  std::vector<double> d;
  for (std::size_t i = 0; i < effect.baseline_values.size(); ++i) {
    for (auto* values : {&effect.baseline_values, &effect.technique_values}) {
      if (!std::isfinite((*values)[i])) (*values)[i] = replacement;
    }
    d.push_back(effect.technique_values[i] - effect.baseline_values[i]);
  }
  return d;
}

namespace {
/// The BCa interval and its union with the interval of the sign-flip test.
std::pair<Interval, Interval> intervals(const std::vector<double>& d, double level, const Generator& generator) {
  const Interval bca = d.size() < 2
                           ? Interval{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()}
                           : bootstrap_interval(d, {.level = level}, generator.fork("bootstrap"));
  const Interval flips = sign_flip_interval(d, level, {}, generator.fork("interval"));
  return {bca, {std::min(bca.low, flips.low), std::max(bca.high, flips.high)}};
}
}  // namespace

void describe(Effect& e, const MeasureEffectOptions& o, std::size_t tests) {
  const Generator generator = Generator(o.seed).fork("statistics");
  const auto d = differences_of(e, o);
  e.metric = o.metric;
  e.higher_is_better = o.higher_is_better;
  e.planned_runs = std::max(o.runs, e.runs());
  e.alpha = 1 - o.level;
  e.margin = o.margin;
  e.power = o.power;
  e.difference = std::accumulate(d.begin(), d.end(), 0.0) / static_cast<double>(d.size());
  std::tie(e.bca, e.interval) = intervals(d, e.level, generator);
  e.improvement = o.higher_is_better ? probability_of_improvement(e.technique_values, e.baseline_values)
                                     : probability_of_improvement(e.baseline_values, e.technique_values);
  e.effect_size = standardized_difference(d);
  if (o.margin > 0) e.p_equivalence = equivalence_test(d, o.margin, {}, generator.fork("equivalence"));
  const Interval inner = e.alpha < 0.5 ? intervals(d, 1 - 2 * e.alpha, generator).second : e.interval;
  e.bound = std::max(std::abs(inner.low), std::abs(inner.high));
  const double alpha = e.alpha / static_cast<double>(tests);
  e.smallest_effect = smallest_effect(e.runs(), o.power, alpha);
  const double wanted =
      o.margin > 0 && e.difference != 0 ? e.effect_size * o.margin / std::abs(e.difference) : e.effect_size;
  e.runs_needed = required_runs(wanted, o.power, alpha);
}

void judge(std::vector<Effect>& effects) {
  std::vector<double> p;
  for (const auto& e : effects) p.push_back(e.p_value);
  const auto adjusted = holm(p);
  for (std::size_t i = 0; i < effects.size(); ++i) {
    Effect& e = effects[i];
    e.adjusted_p = adjusted[i];
    e.verdict = Verdict::cannot_tell;
    if (e.runs() < 6) continue;
    const double rounding = 1e-12;
    if (e.adjusted_p <= e.alpha * (1 + rounding) && !e.interval.contains(0)) {
      e.verdict = (e.difference > 0) == e.higher_is_better ? Verdict::helps : Verdict::harms;
    } else if (e.margin > 0 && e.p_equivalence <= e.alpha * (1 + rounding) && e.bound < e.margin) {
      e.verdict = Verdict::equivalent;
    }
  }
}

}  // namespace detail

Effect judge_effect(std::vector<double> baseline, std::vector<double> technique, const MeasureEffectOptions& options) {
  detail::check_options("judge_effect", options);
  if (baseline.empty() || baseline.size() != technique.size()) {
    raise<ValueError>("judge_effect: the numbers must be paired", "two lists of the same length, at least 1",
                      fmt::format("{} and {} numbers", baseline.size(), technique.size()));
  }
  std::vector<Effect> effects(1);
  Effect& e = effects.front();
  e.baseline_values = std::move(baseline);
  e.technique_values = std::move(technique);
  e.technique = options.technique;
  e.level = options.level;
  for (const auto& [arm, values] :
       {std::pair(std::string("baseline"), &e.baseline_values), std::pair(e.technique, &e.technique_values)}) {
    for (std::size_t i = 0; i < values->size(); ++i) {
      if (!std::isfinite((*values)[i])) {
        e.failures.push_back({arm, static_cast<int>(i), fmt::format("the metric is {}", (*values)[i])});
      }
    }
  }
  e.p_value = sign_flip_test(detail::differences_of(e, options), 0, {}, Generator(options.seed).fork("sign flips"));
  detail::describe(e, options, 1);
  detail::judge(effects);
  return e;
}

}  // namespace newtape::inspect
