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

/// Stopping criteria from the options of minimisers (see MinimizeOptions).
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

/// Default tolerance of the gradient's largest |entry|.
constexpr double default_gradient_tolerance(DType dtype) { return dtype == f32 ? 1e-4 : 1e-8; }

/// Records the trace, prints it, checks the stopping criteria.
class RunRecorder {
 public:
  /// `f` (an Objective, Residuals) counts evaluations and splits a vector into the caller's tensors. It must outlive
  /// the recorder and not be moved.
  template <class F, class Options>
  RunRecorder(const F& f, const Options& options, double default_gradient_tolerance)
      : RunRecorder(
            f.counts, [&f](const Array& x) { return f.split(x); }, Limits(options, default_gradient_tolerance)) {}

  const Limits& limits() const noexcept { return limits_; }
  std::int64_t iterations() const noexcept { return result_.iterations; }
  /// Appends an iteration that reached x, and fills in its number, evaluations and time. Returns the status if the run
  /// ends with it. The start is iteration 0.
  std::optional<Status> enter(Iteration iteration, const Array& x);
  /// The status if the limit of iterations, evaluations or time is reached.
  std::optional<Status> exhausted() const;
  /// The same for evaluations and time, which may be used up within an iteration.
  std::optional<Status> out_of_budget() const;
  /// The result, with the best point x; `note` is appended to the message.
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
