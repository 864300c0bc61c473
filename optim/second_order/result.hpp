// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/print.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// Results of minimize and least_squares.
namespace newtape::optim {

/// Why a run stopped.
enum class Status {
  gradient_tolerance,  ///< converged: the gradient is within its tolerance
  step_tolerance,      ///< converged: the step is within its tolerance
  value_tolerance,     ///< converged: the change of the value is within its tolerance
  precision,           ///< converged: rounding errors hide further reductions
  max_iterations,
  max_evaluations,
  max_seconds,
  callback,         ///< the callback returned false
  not_finite,       ///< value or gradient not finite at the start, or after every step tried
  unbounded,        ///< the value fell below `unbounded_below`
  wrong_gradient,   ///< differences of the value contradict the gradient
  no_progress,      ///< no step that lowers the value was found, though the gradient is right
  numerical_error,  ///< linear algebra failed at every step tried; the message has its error
};
/// A short description.
const char* to_string(Status status) noexcept;
/// Whether it is one of the first four.
bool converged(Status status) noexcept;

/// Numbers of evaluations.
struct Counts {
  std::int64_t values = 0;     ///< of the function alone
  std::int64_t gradients = 0;  ///< of the function with its gradient, or of residuals with their Jacobian
  std::int64_t hessians = 0;   ///< Hessian or Gauss-Newton matrices
  std::int64_t products = 0;   ///< with Hessians, Gauss-Newton matrices or Jacobians
  /// Of the function, with or without derivatives.
  std::int64_t evaluations() const noexcept { return values + gradients; }
};

/// One iteration: a row of the trace.
struct Iteration {
  std::int64_t index = 0;        ///< 0 is the start
  double value = 0;              ///< after it
  double change = 0;             ///< reduction of the value
  double gradient = 0;           ///< the gradient's largest |entry| (with bounds: the projected gradient's)
  double step = 0;               ///< length of the step
  double ratio = 0;              ///< step over direction (line searches), or actual over predicted reduction
  double region = 0;             ///< radius of the trust region or damping; 0 without either
  std::int64_t inner = 0;        ///< iterations of the linear solver
  std::int64_t evaluations = 0;  ///< of the function, so far
  double seconds = 0;            ///< since the start
  std::string note = {};         ///< remarks, such as a restart
};

/// The result of a run: the best point and the trace.
struct Result {
  std::vector<Tensor> xs;  ///< constants
  double value = std::numeric_limits<double>::quiet_NaN();
  double gradient = std::numeric_limits<double>::quiet_NaN();  ///< its largest |entry|; NaN for direct searches
  Status status = Status::no_progress;
  std::string message;  ///< the reason for stopping, in words
  std::int64_t iterations = 0;
  Counts counts;
  double seconds = 0;
  std::vector<Iteration> trace;

  /// The only point. ValueError when there are several.
  const Tensor& x() const;
  bool converged() const noexcept { return optim::converged(status); }
};

/// The trace table's header and one of its rows, without newline.
std::string trace_header();
std::string to_string(const Iteration& iteration);
/// The trace as a table, and the outcome below it.
std::string to_string(const Result& result);

}  // namespace newtape::optim

template <>
struct fmt::formatter<newtape::optim::Result> : newtape::detail::StringFormatter {
  auto format(const newtape::optim::Result& x, fmt::format_context& ctx) const {
    return write(newtape::optim::to_string(x), ctx);
  }
};
