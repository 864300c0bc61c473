// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/judge.hpp>

namespace newtape::inspect {

struct ExperimentLimits {
  std::int64_t run_steps = 0;   ///< of the run that was looked at
  std::int64_t most_steps = 0;  ///< of each experiment
  double budget = 0;            ///< steps of all experiments over those of the run
};

/// Tries the remedies of the suspects, in all doses, with common random numbers, and keeps the best dose of each.
void try_remedies(const PairedRuns& runs, const Evidence& evidence, const ExperimentLimits& limits,
                  std::vector<Fired>& fired, Diagnosis& diagnosis);

/// Where a run fails and nothing explains it: tries controls, rates over decades, Adam, the plain step, other weights and
/// sizes of inputs, and the remedies of all suspects again. The best of short trials are compared with the run itself at
/// its full length. One that gains on training examples, and on those kept back where there are any, is added or updated.
void eliminate(const PairedRuns& runs, const Evidence& evidence, const RunOutcome& run, const ExperimentLimits& limits,
               double least_gain, std::vector<Fired>& fired, Diagnosis& diagnosis);

}  // namespace newtape::inspect
