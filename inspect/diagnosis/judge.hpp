// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/diagnosis/experiment.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>

namespace newtape::inspect {

/// A rule that fired, and the suspect that it makes.
struct Fired {
  const Rule* rule;
  Suspect suspect;
};

/// Applies all rules; fills in ruled_out and not_examined.
std::vector<Fired> apply_rules(const Evidence& evidence, Diagnosis& diagnosis);

/// Sorts suspects into causes and symptoms, and ranks the causes. `least_gain` is the share of the error that a remedy
/// must remove to confirm its cause.
void judge(std::vector<Fired> fired, double least_gain, Diagnosis& diagnosis);

}  // namespace newtape::inspect
