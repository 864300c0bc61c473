// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

struct MinimizeOptions {
  Method method = {};  ///< default: BFGS up to 500 unknowns, L-BFGS beyond
  StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
  /// Bounds, each of the shape of its point or broadcast to it; empty, or one for each point. With bounds, line
  /// searches follow the projected ray, and steps leave out unknowns held at a bound.
  std::vector<Tensor> lower = {};
  std::vector<Tensor> upper = {};
  /// Records the function and its derivatives at the first calls, and replays them: see docs/capture.md. The numbers stay
  /// the same. Pays off when a call takes less than some 100 us, and the run makes more than about 20.
  bool capture = false;
};

/// Minimises a function of one or several tensors from x0. Failures during the run do not throw: the status reports
/// them, and the result is the best point. Throws ValueError, DTypeError, ShapeError for bad input, and exceptions of f
/// other than NumericalError, which counts as a NaN.
Result minimize(const Located<UnaryFunction>& f, const Tensor& x0, const MinimizeOptions& options = {});
Result minimize(const Located<Function>& f, std::span<const Tensor> x0, const MinimizeOptions& options = {});
/// With derivatives given as formulas, which may be faster than autograd's.
Result minimize(const DifferentiableFunction& f, const Tensor& x0, const MinimizeOptions& options = {},
                SourceLocation location = SourceLocation::current());
/// Minimises loss(outputs(x)), two functions for methods that use the generalised Gauss-Newton matrix.
Result minimize(const Located<UnaryFunction>& outputs, const UnaryFunction& loss, const Tensor& x0,
                const MinimizeOptions& options = {});
Result minimize(const Located<Function>& outputs, const UnaryFunction& loss, std::span<const Tensor> x0,
                const MinimizeOptions& options = {});
/// Minimises a loss over parameters, such as a model's, which are set to the best point. Frozen ones are constants,
/// without an entry in `xs` and the bounds.
Result minimize(const Located<std::function<Tensor()>>& loss, const std::vector<Parameter>& parameters,
                const MinimizeOptions& options = {});
Result minimize(const Located<std::function<Tensor()>>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options = {});

}  // namespace newtape::optim
