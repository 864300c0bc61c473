// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/budget.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::optim {

/// Default tolerance of the gradient's largest |entry|.
constexpr double default_gradient_tolerance(DType dtype) { return dtype == f32 ? 1e-4 : 1e-8; }

/// The first line of an error's message, for notes.
std::string first_line(std::string_view message);

/// Records the trace, prints it, checks the stopping criteria.
class RunRecorder {
 public:
  /// `f` (an Objective, Residuals) counts evaluations, splits a vector into the caller's tensors, and has the run's
  /// budget from its start to its end. It must outlive the recorder and not be moved. `default_gradient_tolerance`
  /// stands in for one of 0.
  template <class F>
  RunRecorder(F& f, StoppingCriteria stop, bool verbose, double default_gradient_tolerance)
      : RunRecorder(
            f.counts, f.budget, [&f](const Array& x) { return f.split(x); }, std::move(stop), verbose,
            default_gradient_tolerance) {}

  double gradient_tolerance() const noexcept { return stop_.gradient_tolerance; }
  std::int64_t iterations() const noexcept { return result_.iterations; }
  /// Appends an iteration that reached x, and fills in its number, evaluations and time. Returns the status if the run
  /// ends with it. The start is iteration 0; from then on the run is limited by its budget.
  std::optional<Status> enter(Iteration iteration, const Array& x);
  /// The status if the limit of iterations, evaluations or time is reached.
  std::optional<Status> exhausted() const;
  /// The result, with the best point x; `note` is appended to the message. Lifts the budget's limits.
  Result finish(Status status, const Array& x, double value, double gradient, const std::string& note = {});

 private:
  using Split = std::function<std::vector<Tensor>(const Array& x)>;
  RunRecorder(const Counts& counts, Budget& budget, Split split, StoppingCriteria stop, bool verbose,
              double default_gradient_tolerance);
  double seconds() const;

  const Counts& counts_;
  Budget& budget_;
  Split split_;
  StoppingCriteria stop_;
  bool verbose_;
  double begin_ = Budget::now();
  Result result_ = {};
};

}  // namespace newtape::optim
