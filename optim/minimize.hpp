// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/method.hpp>

#include <span>
#include <vector>

namespace newtape::optim {

struct MinimizeOptions : StopOptions {
  Method method = {};  ///< BFGS up to 500 unknowns, and L-BFGS beyond, when left out
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
/// A loss that reads parameters, such as those of a model; they are left at the best point.
Result minimize(const std::function<Tensor()>& loss, const std::vector<Parameter>& parameters,
                const MinimizeOptions& options = {});
Result minimize(const std::function<Tensor()>& outputs, const UnaryFunction& loss,
                const std::vector<Parameter>& parameters, const MinimizeOptions& options = {});

}  // namespace newtape::optim
