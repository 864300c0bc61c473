// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <functional>
#include <vector>

/// Newton's method for smooth convex functions of few variables, with an explicit Hessian.
namespace newtape::models {

/// One iteration: its point's loss and gradient, and the step.
struct NewtonIteration {
  double loss;
  double gradient;     ///< its largest |entry|
  double step = 0;     ///< accepted fraction of the full step; 0 in the last entry
  double damping = 0;  ///< added to the Hessian's diagonal to make it positive definite
};

struct NewtonOptions {
  int max_iterations = 50;
  double tolerance = 0;  ///< of the gradient's largest entry; 0: 1e-12 in f64, 1e-5 in f32
};

struct NewtonResult {
  Tensor x;
  bool converged;
  std::vector<NewtonIteration> trace;
};

/// A scalar function of x [m].
struct NewtonProblem {
  struct Derivatives {
    Tensor value, gradient, hessian;
  };
  std::function<Tensor(const Tensor& x)> value;
  std::function<Derivatives(const Tensor& x)> derivatives;
};

/// Steps by Cholesky, halved until the decrease is sufficient (Armijo). Stops when the gradient is within the
/// tolerance, or when rounding hides further progress. Records nothing.
NewtonResult newton(const NewtonProblem& f, const Tensor& start, const NewtonOptions& options = {});

/// The iterations as a table.
std::string to_string(const std::vector<NewtonIteration>& trace);

}  // namespace newtape::models
