// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

/// Default tolerance of the gradient's largest |entry|.
constexpr double default_gradient_tolerance(DType dtype) { return dtype == f32 ? 1e-4 : 1e-8; }

/// Records the trace, prints it, checks the stopping criteria.
class RunRecorder {
 public:
  /// `f` (an Objective, Residuals) counts evaluations and splits a vector into the caller's tensors. It must outlive
  /// the recorder and not be moved. `default_gradient_tolerance` stands in for one of 0.
  template <class F>
  RunRecorder(const F& f, StoppingCriteria stop, bool verbose, double default_gradient_tolerance)
      : RunRecorder(
            f.counts, [&f](const Array& x) { return f.split(x); }, std::move(stop), verbose,
            default_gradient_tolerance) {}

  double gradient_tolerance() const noexcept { return stop_.gradient_tolerance; }
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
  RunRecorder(const Counts& counts, Split split, StoppingCriteria stop, bool verbose,
              double default_gradient_tolerance);
  double seconds() const;

  const Counts& counts_;
  Split split_;
  StoppingCriteria stop_;
  bool verbose_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Result result_ = {};
};

}  // namespace newtape::optim
