// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace newtape::inspect {

/// A rule that fired.
struct Suspect {
  std::string name;      ///< of the rule: "rate_too_high"
  std::string cause;     ///< in a sentence
  std::string evidence;  ///< in numbers
  std::string where;     ///< parameter, layer or line; may be empty
  std::string remedy;    ///< in code
  std::string reason;    ///< of the threshold
  std::string source;
  double measured = 0, threshold = 0;
  double weight = 0;  ///< by which causes are ranked
  std::optional<double> gain =
      {};                 ///< of the remedy in the experiment: the error removed, relative; nothing if not tried
  double deviations = 0;  ///< of the gain, in standard errors
  /// Of a symptom: the cause whose remedy removes it, or that comes before it.
  std::string explained_by = {};
};

/// Why a model does not train, or that nothing was found.
struct Diagnosis {
  std::vector<Suspect> causes;  ///< the first is the likeliest
  std::vector<Suspect>
      symptoms;  ///< rules that fired whose remedy gained nothing, or that do not explain by themselves
  /// What is wrong whatever the run shows, but whose remedy gained nothing in this one: it may do harm later.
  std::vector<Suspect> mistakes;
  std::vector<std::string> ruled_out;     ///< rules that were examined and did not fire
  std::vector<std::string> not_examined;  ///< "noise_dominated (needs gradients of examples)"
  std::int64_t steps = 0;
  double first_loss = 0, last_loss = 0;
  bool died = false;
  std::string error;  ///< of a run that died
  double experiment_seconds = 0, run_seconds = 0;
  std::int64_t experiment_steps = 0;  ///< of each experiment

  /// No cause was found; mistakes that do no harm yet do not count.
  bool healthy() const noexcept { return causes.empty() && !died; }
  /// A letter: first cause, evidence, remedy, what was ruled out.
  std::string to_string() const;
  /// Numbers that are not finite are null.
  std::string to_json() const;
};

}  // namespace newtape::inspect
