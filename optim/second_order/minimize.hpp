// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

struct MinimizeOptions {
  Method method = {};  ///< BFGS up to 500 unknowns, and L-BFGS beyond, when left out
  // When to stop; a limit of 0 is none.
  double gradient_tolerance = 0;  ///< of the gradient's largest entry; 0: 1e-8 in f64, 1e-4 in f32
  double step_tolerance = 0;      ///< of |step| / |x|
  double value_tolerance = 0;     ///< of the fall of the value / |value|
  std::int64_t max_iterations = 1000;
  std::int64_t max_evaluations = 0;
  double max_seconds = 0;
  double unbounded_below = -1e20;  ///< a value that falls below it counts as -infinity
  /// Sees each iteration, and the point that it led to; false stops the run.
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback = {};
  bool verbose = false;  ///< prints a table, one line an iteration
  /// Bounds, each of the shape of its point or broadcast to it; empty, or one for each point. With bounds, line
  /// searches go along the projected ray, and what a bound holds takes no part in a step.
  std::vector<Tensor> lower = {};
  std::vector<Tensor> upper = {};
};

/// Minimises a function of one or several tensors from x0. Never throws for what happens on the way: the status says
/// it, and the result is the best point seen. ValueError, DTypeError, ShapeError for bad input, and whatever f throws
/// but NumericalError, which counts as a NaN.
Result minimize(const UnaryFunction& f, const Tensor& x0, const MinimizeOptions& options = {});
Result minimize(const Function& f, std::span<const Tensor> x0, const MinimizeOptions& options = {});
/// loss(outputs(x)), taken apart for methods that use the Gauss-Newton matrix.
Result minimize(const UnaryFunction& outputs, const UnaryFunction& loss, const Tensor& x0,
                const MinimizeOptions& options = {});
Result minimize(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> x0,
                const MinimizeOptions& options = {});
/// A loss that reads parameters, such as those of a model; they are left at the best point. Frozen ones stay; `xs` and
/// bounds are those of the others.
Result minimize(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters,
                const MinimizeOptions& options = {});
Result minimize(const std::function<Tensor()>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options = {});

}  // namespace newtape::optim
