// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Convex quadratic and linear programs whose solutions are differentiated, in stacks.
namespace newtape {

/// a x = b and g x <= h: a [.., k, n], b [.., k], g [.., m, n], h [.., m]. Each pair may be left undefined.
struct LinearConstraints {
  Tensor a = {}, b = {};
  Tensor g = {}, h = {};
};

/// The solution, and the multipliers with which x p x / 2 + q x + y (a x - b) + z (g x - h) is stationary at x. All are
/// differentiable; a multiplier is the derivative of the optimal value: y = -d value / d b, z = -d value / d h.
struct QuadraticProgramSolution {
  Tensor x;  ///< [.., n]
  Tensor y;  ///< of the equalities [.., k]
  Tensor z;  ///< of the inequalities [.., m], >= 0
};

/// Options of quadratic_program and linear_program.
struct QuadraticProgramOptions {
  double tolerance = 1e-9;  ///< of residuals and duality gap, relative to the data, before the active set is solved for
  int max_iterations = 100;
};

/// The x that minimises x p x / 2 + q x subject to constraints: p [.., n, n] symmetric (its symmetric part is used) and
/// positive semidefinite, q [.., n]. Leading axes broadcast; each member of a stack is a program. By an interior-point
/// method in f64, of whose steps nothing is recorded: the derivatives, to any order, are those of the optimality
/// conditions (Amos and Kolter 2017). Where P is singular on the active constraints the solution is not unique.
/// ShapeError, DTypeError; NumericalError where a program is infeasible, unbounded or not convex, and in the
/// derivative where it does not exist: at an active constraint of multiplier 0, or where the solution is not unique.
QuadraticProgramSolution quadratic_program(In p, In q, const LinearConstraints& constraints = {},
                                           const QuadraticProgramOptions& options = {});
/// The x that minimises q x: quadratic_program with p = 0. Its solution, a vertex, has derivatives where it is unique
/// and no further constraint is active at it.
QuadraticProgramSolution linear_program(In q, const LinearConstraints& constraints,
                                        const QuadraticProgramOptions& options = {});

}  // namespace newtape
