// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <functional>
#include <vector>

/// Newton's method for smooth convex functions of few numbers, whose Hessian is at hand.
namespace newtape::models {

/// One iteration: where it stood, and the step from there.
struct NewtonIteration {
  double loss;
  double gradient;     ///< the largest entry's size
  double step = 0;     ///< the share of the full step that was taken; 0 in the last line, which takes none
  double damping = 0;  ///< what had to be added to the Hessian's diagonal to make it positive definite
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

/// A function of x [m] with one number as its value.
struct NewtonProblem {
  struct Derivatives {
    Tensor value, gradient, hessian;
  };
  std::function<Tensor(const Tensor& x)> value;
  std::function<Derivatives(const Tensor& x)> derivatives;
};

/// Steps by Cholesky, halved until the value falls enough (Armijo). Stops when the gradient is small enough, or when
/// rounding leaves nothing to gain. Records nothing.
NewtonResult newton(const NewtonProblem& f, const Tensor& start, const NewtonOptions& options = {});

/// The iterations as a table.
std::string to_string(const std::vector<NewtonIteration>& trace);

}  // namespace newtape::models
