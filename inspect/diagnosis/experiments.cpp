// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/experiments.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
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

}  // namespace newtape::inspect
