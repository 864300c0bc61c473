// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/evidence.hpp>
#include <newtape/inspect/diagnosis/treatment.hpp>

#include <optional>
#include <span>
#include <vector>

namespace newtape::inspect {

/// When a fault can be seen. Where remedies gain the same, the earlier phase is the cause.
enum class Phase { data, graph, run };

/// How sure a rule is when its remedy cannot be tried: a proof (every parameter is frozen), strong evidence, or a hint,
/// which is listed but is not called a cause.
enum class Certainty { hint, strong, proof };

/// One row of the diagnosis.
struct Rule {
  const char* name;
  Phase phase;
  Certainty certainty;
  const char* needs;  ///< what must be known: "labels", "gradients"; for the list of what was not examined
  /// Nothing when what it needs is not known.
  std::optional<Measurement> (*measure)(const Evidence&);
  double threshold;    ///< the rule fires above it
  const char* reason;  ///< why that threshold
  const char* cause;   ///< one sentence
  const char* remedy;  ///< in code
  /// How the remedy is tried, in one or several doses of which the best counts; null when it cannot be.
  std::vector<Treatment> (*treatments)(const Evidence&);
  const char* source;
  /// The experiment tries a part of the remedy only, as layers cannot be changed: no gain disproves nothing.
  bool partial_remedy = false;
  /// A mistake whatever the run shows: named as one that does no harm yet where it is no cause.
  bool mistake = false;
  /// The measure is a share of the error that something else in the place of a part removes: as good as a remedy tried.
  bool substitution = false;
  const char* unless = nullptr;  ///< rules, with spaces between, each of which says the same and more where both fire
  /// Remedies that are tried though the rule did not fire, where a run fails and no rule explains it; null: none.
  std::vector<Treatment> (*controls)(const Evidence&) = nullptr;
};

std::span<const Rule> data_rules();
std::span<const Rule> graph_rules();
std::span<const Rule> program_rules();
std::span<const Rule> step_rules();
std::span<const Rule> curvature_rules();
std::span<const Rule> run_rules();
std::span<const Rule> substitute_rules();
/// All of them.
std::vector<const Rule*> all_rules();

}  // namespace newtape::inspect
