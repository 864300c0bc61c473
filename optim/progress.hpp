// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/objective.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace newtape::optim {

/// When a run is to stop, as the options of minimisers have it (see MinimizeOptions).
struct Limits {
  double gradient_tolerance, step_tolerance, value_tolerance;
  std::int64_t max_iterations, max_evaluations;
  double max_seconds, unbounded_below;
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback;
  bool verbose;

  template <class Options>
  Limits(const Options& o, DType dtype)
      : gradient_tolerance(o.gradient_tolerance > 0 ? o.gradient_tolerance
                           : dtype == f32           ? 1e-4
                                                    : 1e-8),
        step_tolerance(o.step_tolerance),
        value_tolerance(o.value_tolerance),
        max_iterations(o.max_iterations),
        max_evaluations(o.max_evaluations),
        max_seconds(o.max_seconds),
        unbounded_below(o.unbounded_below),
        callback(o.callback),
        verbose(o.verbose) {}
};

/// The book of a run: its trace, the printed table, and which of the limits it has come to.
class Progress {
 public:
  Progress(Objective& f, Limits limits);

  const Limits& limits() const noexcept { return limits_; }
  std::int64_t iterations() const noexcept { return result_.iterations; }
  /// Enters an iteration that led to x (its number, the evaluations and the time are known here); says whether the run
  /// ends with it. The start is iteration 0.
  std::optional<Status> enter(Iteration iteration, const Array& x);
  /// Whether there may be no further iteration.
  std::optional<Status> exhausted() const;
  /// The result, with the best point; `note` says more about the reason.
  Result finish(Status status, const Array& x, double value, double gradient, const std::string& note = {});

 private:
  double seconds() const;

  Objective& f_;
  Limits limits_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Result result_ = {};
};

}  // namespace newtape::optim
