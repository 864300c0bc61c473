// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/diagnosis/trainee.hpp>
#include <newtape/inspect/probe/probe.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace newtape::inspect {

struct WatchOptions {
  ProbeOptions probe = {};
  /// Writes the letter to the standard error stream when the watch is destroyed without report(), unless nothing was
  /// found: also when an exception ends the run.
  bool print = true;
  // Of a watch with a loss:
  std::int64_t keep_batches = 32;       ///< the last ones that keep() received
  std::int64_t experiment_steps = 100;  ///< at most, of each experiment
  double budget = 2;                    ///< steps of all experiments over those of the run; 0 tries no remedy
};

/// Watches a run of a training loop that it knows nothing of:
///
///     auto watch = inspect::watch(model, optimizer);
///     ..
///     fmt::print("{}", watch.report().to_string());
///
/// It applies the rules to what a Probe, the first graph and the first batch show. Labels are not seen, and remedies are
/// not tried: causes are ranked by their certainty.
///
/// With a loss, and with the batches that the loop hands over, suspects are ranked by experiment, as diagnose does:
///
///     auto watch = inspect::watch(model, optimizer, loss);  // loss(output, target)
///     for (auto& [x, y] : loader) {
///       watch.keep(x, y);
///       ..
///
/// When it reports, model and optimizer are trained again from their first state on the kept batches, once for each
/// remedy, with steps like those of the loop (mode, clipping, gradients that are not cleared, rates), and then get back
/// the state that they had. Other hooks on them are called in these experiments too. The optimizer must outlive the
/// watch.
class Watch {
 public:
  Watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options = {});
  Watch(const nn::ModuleBase& model, optim::Optimizer& optimizer, std::function<Tensor(const Tensor& x)> forward,
        LossFunction loss, const WatchOptions& options = {});
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) = delete;
  ~Watch();

  /// Keeps a batch for the experiments, and the data for the rules that look at them; of the last `keep_batches`.
  /// ValueError unless the watch has a loss, and x and y the same number of examples.
  void keep(const Tensor& x, const Tensor& y);
  /// The diagnosis of the run so far. With experiments it ends the watch, and later calls return it again.
  Diagnosis report();
  const Probe& probe() const;

 private:
  struct State;
  newtape::detail::Owner<State> state_;
};

/// A Watch of a model and its optimizer, without a loss. Hold the result: its destructor ends the watch.
Watch watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options = {});

/// Of a model that is called with one tensor, and the loss of its output for a target.
template <std::derived_from<nn::ModuleBase> M>
  requires std::is_invocable_r_v<Tensor, const M&, const Tensor&> Watch watch(const M& model,
                                                                              optim::Optimizer& optimizer,
                                                                              LossFunction loss,
                                                                              const WatchOptions& options = {}) {
    return Watch(
        model, optimizer, [model](const Tensor& x) { return Tensor(model(x)); }, std::move(loss), options);
  }

}  // namespace newtape::inspect
