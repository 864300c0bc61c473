// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/experiments.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect {
namespace {

using MakeTreatments = std::vector<Treatment> (*)(const Evidence&);

/// The doses of a remedy with what each gained. Rules that share a remedy share its trials.
struct Trial {
  MakeTreatments make;
  std::vector<Treatment> doses;
  std::vector<RunOutcome> outcomes = {};
};

std::vector<Trial> trials_of(const std::vector<Fired>& fired, const Evidence& evidence) {
  std::vector<Trial> trials;
  for (const auto& f : fired) {
    const auto make = f.rule->treatments;
    const bool known =
        std::any_of(trials.begin(), trials.end(), [&](const Trial& trial) { return trial.make == make; });
    if (make != nullptr && !known) trials.push_back({make, make(evidence)});
  }
  return trials;
}

void keep_best(const RunOutcome& untreated, const Trial& trial, Fired& f) {
  Suspect& s = f.suspect;
  for (std::size_t k = 0; k < trial.outcomes.size(); ++k) {
    const PairedGain g = paired_gain(untreated, trial.outcomes[k]);
    if (s.gain && *s.gain >= g.gain) continue;
    s.gain = g.gain;
    s.deviations = g.deviations;
    f.best = trial.doses[k];
    f.outcome = trial.outcomes[k];
    f.held = held_gain(untreated, f.outcome);
    if (!f.best.code.empty()) s.remedy = f.best.code;
  }
}

/// Whether the run died or rose, and its first steps, as many as an experiment has, do not show it.
bool failed_later(const Evidence& e, const RunOutcome& untreated) {
  const bool failed = e.died || !(e.late_loss() <= 1.5 * std::abs(e.early_loss()) + 1e-12);
  return failed && !untreated.died && !untreated.losses.empty() &&
         untreated.losses.back() <= 1.5 * std::abs(untreated.losses.front());
}

}  // namespace

void try_remedies(const PairedRuns& runs, const Evidence& evidence, const ExperimentLimits& limits,
                  std::vector<Fired>& fired, Diagnosis& diagnosis) {
  auto trials = trials_of(fired, evidence);
  // In runs: the untreated one, and those with the first two causes' remedies, each alone and together.
  constexpr double others = 4;
  double cost = others;
  for (const auto& trial : trials) {
    for (const auto& t : trial.doses) cost += static_cast<double>(t.batch_factor);
  }
  if (cost <= others || limits.budget <= 0) return;
  const auto affordable = static_cast<std::int64_t>(static_cast<double>(limits.run_steps) * limits.budget / cost);
  const auto steps = std::min(limits.most_steps, affordable);
  if (steps < 1) return;
  const auto start = std::chrono::steady_clock::now();
  diagnosis.experiment_steps = steps;
  const RunOutcome untreated = runs.run({}, steps);
  for (auto& trial : trials) {
    for (const auto& t : trial.doses) trial.outcomes.push_back(runs.run(t, steps));
    for (auto& f : fired) {
      if (f.rule->treatments == trial.make) keep_best(untreated, trial, f);
    }
  }
  if (failed_later(evidence, untreated)) {
    // What a remedy gained in the steps before that says nothing of it.
    for (auto& f : fired) {
      if (f.rule->certainty == Certainty::hint) f.suspect.gain = std::nullopt;
      f.one_example = f.suspect.name == "loss_spikes" && !evidence.spike.examples.empty() &&
                      evidence.spike.example_losses[0] > 10 * std::abs(median(evidence.spike.example_losses));
    }
  }
  diagnosis.experiment_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

namespace {

/// A remedy that is tried by elimination.
struct Control {
  const Rule* rule;
  Treatment treatment;
  double gain = 0;  ///< in a short trial
};

std::vector<Control> controls_of(const std::vector<Fired>& fired, const Evidence& evidence) {
  std::vector<Control> all;
  for (const auto& f : fired) {
    if (f.best && !f.rule->controls) all.push_back({f.rule, f.best});
  }
  for (const Rule* rule : all_rules()) {
    if (rule->controls == nullptr) continue;
    for (auto& t : rule->controls(evidence)) {
      if (t) all.push_back({rule, std::move(t)});
    }
  }
  return all;
}

/// A control that was run at full length.
struct Finalist {
  const Control* control;
  RunOutcome outcome;
  PairedGain gain = {}, held = {};
};

/// Of those that do not differ from the best by more than chance, the first in the order of rules: data before weights, a rate
/// before another method. Null when there is none.
const Finalist* simplest_of_best(const std::vector<Finalist>& all) {
  if (all.empty()) return nullptr;
  const auto& best = *std::max_element(all.begin(), all.end(),
                                       [](const Finalist& a, const Finalist& b) { return a.gain.gain < b.gain.gain; });
  for (const Rule* rule : all_rules()) {
    for (const auto& f : all) {
      const PairedGain behind = paired_gain(f.outcome, best.outcome);
      const bool worse = behind.deviations > 2 && f.outcome.error_rate() - best.outcome.error_rate() > 0.05;
      if (f.control->rule == rule && !worse) return &f;
    }
  }
  return &best;
}

Fired& entry_of(std::vector<Fired>& fired, const Rule& rule, const Evidence& evidence, Diagnosis& diagnosis) {
  const auto at = std::find_if(fired.begin(), fired.end(), [&](const Fired& f) { return f.rule == &rule; });
  if (at != fired.end()) return *at;
  const auto m = rule.measure(evidence);
  std::string text = "no rule explains the run, and of all remedies that were tried this one gains most";
  if (m) text += "; " + m->evidence;
  fired.push_back({&rule,
                   {rule.name, rule.cause, std::move(text), m ? m->where : "", rule.remedy, rule.reason, rule.source,
                    m ? std::min(m->value, rule.threshold) : 0, rule.threshold}});
  std::erase(diagnosis.ruled_out, rule.name);
  std::erase_if(diagnosis.not_examined, [&](const auto& s) { return s.starts_with(std::string(rule.name) + " ("); });
  return fired.back();
}

}  // namespace

void eliminate(const PairedRuns& runs, const Evidence& evidence, const RunOutcome& run, const ExperimentLimits& limits,
               double least_gain, std::vector<Fired>& fired, Diagnosis& diagnosis) {
  auto controls = controls_of(fired, evidence);
  if (controls.empty() || limits.budget <= 0) return;
  const auto start = std::chrono::steady_clock::now();
  // Half of the budget for all, the other half for the best at full length.
  const auto share = static_cast<double>(limits.run_steps) * limits.budget / 2;
  const auto steps =
      std::min(limits.most_steps, static_cast<std::int64_t>(share / static_cast<double>(controls.size())));
  if (steps < 1) return;
  const RunOutcome untreated = runs.run({}, steps);
  for (auto& c : controls) c.gain = paired_gain(untreated, runs.run(c.treatment, steps)).gain;
  std::stable_sort(controls.begin(), controls.end(),
                   [](const Control& a, const Control& b) { return a.gain > b.gain; });
  const auto finalists = static_cast<std::size_t>(std::max(1.0, limits.budget / 2 + 1));
  std::vector<const Rule*> tried;  // the best of each rule
  std::vector<Finalist> confirmed;
  for (std::size_t k = 0; k < controls.size() && tried.size() < finalists; ++k) {
    if (std::find(tried.begin(), tried.end(), controls[k].rule) != tried.end()) continue;
    tried.push_back(controls[k].rule);
    Finalist f{&controls[k], runs.run(controls[k].treatment, limits.run_steps)};
    f.gain = paired_gain(run, f.outcome);
    f.held = held_gain(run, f.outcome);
    const bool learns = f.outcome.held.empty() || (f.held.gain >= least_gain && f.held.deviations >= 3);
    if (f.gain.gain >= least_gain && f.gain.deviations >= 3 && learns) confirmed.push_back(std::move(f));
  }
  if (const Finalist* winner = simplest_of_best(confirmed)) {
    Fired& f = entry_of(fired, *winner->control->rule, evidence, diagnosis);
    f.suspect.gain = winner->gain.gain;
    f.suspect.deviations = winner->gain.deviations;
    f.best = winner->control->treatment;
    f.outcome = winner->outcome;
    f.held = winner->held;
    if (!f.best.code.empty()) f.suspect.remedy = f.best.code;
  }
  diagnosis.experiment_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace newtape::inspect
