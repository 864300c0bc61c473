// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/optim/second_order/result.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <span>
#include <vector>

/// Systems of nonlinear equations, as many as unknowns.
namespace newtape::optim {

struct RootOptions {
  /// gradient_tolerance is that of the largest |f|; 0: 1e-10 in f64, 1e-5 in f32. A run also ends, as `precision`, where
  /// the Newton step is rounding, and makes one step more than the tolerance asks for.
  StoppingCriteria stop = {.max_iterations = 200};
  /// Of the Newton steps and of the derivatives: dense (the Jacobian by batched sweeps, LU) up to dense_limit unknowns,
  /// else gmres on products with the Jacobian.
  LinearSolveOptions linear = {};
  bool verbose = false;  ///< prints a table, one line an iteration
};

/// An x with f(x) = 0, from x0, where f returns the shapes of x. Newton's method with a line search on |f|; where that
/// makes no progress or the Jacobian is singular, Levenberg-Marquardt steps. In the result, `value` is the Euclidean
/// norm of f and `gradient` its largest |entry|. Failures during the run do not throw: no_progress is a local minimum
/// of |f|. ShapeError for another number of equations; ValueError, DTypeError for bad input.
Result root(const Located<UnaryFunction>& f, const Tensor& x0, const RootOptions& options = {});
Result root(const Located<MultiFunction>& f, std::span<const Tensor> x0, const RootOptions& options = {});

/// The root as a function of theta, differentiable to any order by the implicit function theorem (see custom_root); the
/// iterations are not recorded. NumericalError when the run does not converge and, in the derivative, where the Jacobian
/// in x is singular.
Tensor root(const Located<UnaryEquation>& f, const Tensor& x0, const Tensor& theta, const RootOptions& options = {});
std::vector<Tensor> root(const Located<Equation>& f, std::span<const Tensor> x0, std::span<const Tensor> theta,
                         const RootOptions& options = {});

}  // namespace newtape::optim
