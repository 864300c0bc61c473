// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>

namespace newtape::inspect {

/// A rule that fired, the suspect that it makes, and the best dose of its remedy.
struct Fired {
  const Rule* rule;
  Suspect suspect;
  Treatment best = {};
  RunOutcome outcome = {};        ///< of the run with it
  PairedGain held = {};           ///< on examples that were kept back
  bool one_example = false;       ///< a spike of the loss of which a single example has most
  bool gains_with_first = false;  ///< its remedy on top of the first cause's
};

/// Applies all rules; fills in ruled_out and not_examined.
std::vector<Fired> apply_rules(const Evidence& evidence, Diagnosis& diagnosis);

/// Whether one of them is a cause that is certain, or whose remedy gained.
bool explained(std::vector<Fired> fired, double least_gain, double last_error);

/// Sorts suspects into symptoms and mistakes without harm, which are added to the diagnosis, and causes, which are
/// returned in their rank.
/// `least_gain` is the share of the error that a remedy must remove to confirm its cause. Where none is confirmed and the
/// run stands still, the rule that is furthest beyond its threshold is named. `last_error`: on training examples after the
/// run; 1 where it is not known.
std::vector<Fired> judge(std::vector<Fired> fired, double least_gain, Diagnosis& diagnosis, double last_error = 1);

/// Names of the rules that fire when the remedy of the first cause is applied.
using StillFiring = std::vector<std::string>;
/// Whether the remedies of both gained, the second's at least half as much, and neither is proven.
bool rivals(const Fired& first, const Fired& second);
/// Whether the first cause is a statement without a remedy that can be tried, and no proof, and the remedy of the second gained.
bool overrules(const std::vector<Fired>& causes);
/// Whether the rule of `other` no longer fires with the remedy of `cause`, though that of `cause` does with the remedy of
/// `other`.
bool explains(const Fired& cause, const StillFiring& with_cause, const Fired& other, const StillFiring& with_other);
/// Adds the causes to the diagnosis; those that the first one explains as symptoms: rules that no longer fire once its
/// remedy is applied. Where that was not tried (`still` is null), a cause in data or graph explains what is seen in the
/// run.
void settle(std::vector<Fired> causes, const StillFiring* still, Diagnosis& diagnosis);

}  // namespace newtape::inspect
