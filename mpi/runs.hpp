// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/inspect/effects/measure_effect.hpp>
#include <newtape/mpi/group.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// Runs that are independent of each other, spread over the ranks. Each run is one rank's, which trains by itself; ranks
/// that are done wait for the others, within the group's time-out.
namespace newtape::mpi {

/// f(0), .., f(n - 1), each computed by one rank (run i by rank i mod size), on all ranks; such as the folds of a
/// cross-validation:
///
///     const auto folds = data::k_fold(set, 10, generator);
///     const auto scores = mpi::map_runs(10, [&](int i) { return train(folds[i]); }, world);
///
/// An exception on one rank is one on all, which names it.
std::vector<double> map_runs(int n, const std::function<double(int)>& f, const Group& group,
                             SourceLocation at = SourceLocation::current());

/// inspect::measure_effects with its runs spread over the ranks: the same metrics, p-values and verdicts, on all of them.
/// The runs of a pair are one rank's, so that their times compare. Rank 0 alone announces what the runs can find.
std::vector<inspect::Effect> measure_effects(const inspect::Experiment& baseline,
                                             const std::vector<std::pair<std::string, inspect::Experiment>>& techniques,
                                             const inspect::MeasureEffectOptions& options, const Group& group,
                                             SourceLocation at = SourceLocation::current());

/// The same of one technique.
inspect::Effect measure_effect(const inspect::Experiment& baseline, const inspect::Experiment& technique,
                               const inspect::MeasureEffectOptions& options, const Group& group,
                               SourceLocation at = SourceLocation::current());

}  // namespace newtape::mpi
