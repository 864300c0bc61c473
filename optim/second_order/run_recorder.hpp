// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/result.hpp>

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

/// When a run is to stop, as the options of minimisers have it (see MinimizeOptions).
struct Limits {
  double gradient_tolerance, step_tolerance, value_tolerance;
  std::int64_t max_iterations, max_evaluations;
  double max_seconds;
  double unbounded_below = -std::numeric_limits<double>::infinity();
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback;
  bool verbose;

  template <class Options>
  Limits(const Options& o, double default_gradient_tolerance)
      : gradient_tolerance(o.gradient_tolerance > 0 ? o.gradient_tolerance : default_gradient_tolerance),
        step_tolerance(o.step_tolerance),
        value_tolerance(o.value_tolerance),
        max_iterations(o.max_iterations),
        max_evaluations(o.max_evaluations),
        max_seconds(o.max_seconds),
        callback(o.callback),
        verbose(o.verbose) {
    if constexpr (requires { o.unbounded_below; }) unbounded_below = o.unbounded_below;
  }
};

/// Of a gradient's largest entry, where the options leave it open.
constexpr double default_gradient_tolerance(DType dtype) { return dtype == f32 ? 1e-4 : 1e-8; }

/// The book of a run: its trace, the printed table, and which of the limits it has come to.
class RunRecorder {
 public:
  /// `f` counts its evaluations and splits a vector into the caller's tensors (an Objective, Residuals). It stays where
  /// it is.
  template <class F, class Options>
  RunRecorder(const F& f, const Options& options, double default_gradient_tolerance)
      : RunRecorder(
            f.counts, [&f](const Array& x) { return f.split(x); }, Limits(options, default_gradient_tolerance)) {}

  const Limits& limits() const noexcept { return limits_; }
  std::int64_t iterations() const noexcept { return result_.iterations; }
  /// Enters an iteration that led to x (its number, the evaluations and the time are known here); says whether the run
  /// ends with it. The start is iteration 0.
  std::optional<Status> enter(Iteration iteration, const Array& x);
  /// Whether there may be no further iteration.
  std::optional<Status> exhausted() const;
  /// The same for evaluations and time, which may run out within an iteration.
  std::optional<Status> out_of_budget() const;
  /// The result, with the best point; `note` says more about the reason.
  Result finish(Status status, const Array& x, double value, double gradient, const std::string& note = {});

 private:
  using Split = std::function<std::vector<Tensor>(const Array& x)>;
  RunRecorder(const Counts& counts, Split split, Limits limits);
  double seconds() const;

  const Counts& counts_;
  Split split_;
  Limits limits_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Result result_ = {};
};

}  // namespace newtape::optim
