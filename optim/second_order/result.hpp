// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/print.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// What minimize and least_squares tell of how it went.
namespace newtape::optim {

/// Why a run stopped.
enum class Status {
  gradient_tolerance,  ///< converged: the gradient is as small as was asked for
  step_tolerance,      ///< converged: the steps are
  value_tolerance,     ///< converged: the changes of the value are
  precision,           ///< converged: at this precision of numbers there is nothing left to gain
  max_iterations,
  max_evaluations,
  max_seconds,
  callback,        ///< the caller's wish
  not_finite,      ///< a value or gradient that is not a finite number at the start, or wherever a step led
  unbounded,       ///< the value fell below any reasonable bound
  wrong_gradient,  ///< the value does not change along a line as the gradient says
  no_progress,     ///< no step that lowers the value was found, and the gradient is not to blame
};
/// In a few words.
const char* to_string(Status status) noexcept;
/// Whether it is one of the first four.
bool converged(Status status) noexcept;

/// How often what was evaluated.
struct Counts {
  std::int64_t values = 0;     ///< of the function alone
  std::int64_t gradients = 0;  ///< of the function with its gradient, or of residuals with their Jacobian
  std::int64_t hessians = 0;   ///< whole second-derivative matrices
  std::int64_t products = 0;   ///< with Hessians, Gauss-Newton matrices or Jacobians
  /// Of the function, whatever came along.
  std::int64_t evaluations() const noexcept { return values + gradients; }
};

/// One iteration: where it led, and how.
struct Iteration {
  std::int64_t index = 0;  ///< 0 is the start
  double value = 0;        ///< after it
  double change = 0;       ///< how far the value fell
  double gradient = 0;     ///< the gradient's largest entry's size (with bounds: of the projected gradient)
  double step = 0;         ///< length of the step
  double ratio = 0;        ///< the step as a part of the whole direction, or the fall as a part of the predicted one
  double region = 0;       ///< radius of the trust region or damping; 0 without either
  std::int64_t inner = 0;  ///< iterations of the linear solver
  std::int64_t evaluations = 0;  ///< of the function, so far
  double seconds = 0;            ///< since the start
  std::string note = {};         ///< what was out of the ordinary
};

/// What a run came to: the best point, and the way there.
struct Result {
  std::vector<Tensor> xs;  ///< constants
  double value = std::numeric_limits<double>::quiet_NaN();
  double gradient = std::numeric_limits<double>::quiet_NaN();  ///< its largest entry's size
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

/// The table's head and one of its lines, without an end of line.
std::string trace_header();
std::string to_string(const Iteration& iteration);
/// The whole trace, and below it what it came to.
std::string to_string(const Result& result);

}  // namespace newtape::optim

template <>
struct fmt::formatter<newtape::optim::Result> : newtape::detail::StringFormatter {
  auto format(const newtape::optim::Result& x, fmt::format_context& ctx) const {
    return write(newtape::optim::to_string(x), ctx);
  }
};
