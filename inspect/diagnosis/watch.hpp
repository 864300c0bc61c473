// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/probe/probe.hpp>

#include <memory>

namespace newtape::inspect {

struct WatchOptions {
  ProbeOptions probe = {};
  /// Writes the letter to the standard error stream when the watch is destroyed without report(), unless nothing was
  /// found: also when an exception ends the run.
  bool print = true;
};

/// Watches a run of a training loop that it knows nothing of:
///
///     auto watch = inspect::watch(model, optimizer);
///     ..
///     fmt::print("{}", watch.report().to_string());
///
/// It applies the rules to what a Probe, the first graph and the first batch show. Labels are not seen, and remedies are
/// not tried: causes are ranked by their certainty. inspect::diagnose does both.
class Watch {
 public:
  Watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options = {});
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) = delete;
  ~Watch();

  /// The diagnosis of the run so far.
  Diagnosis report();
  const Probe& probe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Watch watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options = {});

}  // namespace newtape::inspect
