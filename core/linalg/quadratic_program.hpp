// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Convex quadratic programs, and linear ones (p = 0), without derivatives.
namespace newtape::core {

/// Minimise x p x / 2 + q x over x with a x = b and g x <= h: p [.., n, n] symmetric positive semidefinite, q [.., n],
/// a [.., k, n], b [.., k], g [.., m, n], h [.., m]; f64, of the same leading axes.
struct QuadraticProgram {
  Array p, q, a, b, g, h;
};

struct QuadraticProgramStop {
  double tolerance = 1e-9;  ///< of the residuals and of the duality gap, relative to the data
  int max_iterations = 100;
};

/// The Lagrangian x p x / 2 + q x + y (a x - b) + z (g x - h) is stationary at x, with z >= 0.
struct QuadraticProgramSolution {
  Array x;          ///< [.., n]
  Array y;          ///< multipliers of the equalities [.., k]
  Array z;          ///< multipliers of the inequalities [.., m]
  Array slack;      ///< h - g x [.., m]; 0 where the constraint is active
  Array converged;  ///< boolean [..]; false where infeasible, unbounded or not convex
  int iterations = 0;
};

/// By Mehrotra's predictor-corrector interior-point method, all programs of a stack at once, followed by the solution of
/// the linear system of the active constraints, which gives full accuracy where that is regular.
QuadraticProgramSolution solve(const QuadraticProgram& program, const QuadraticProgramStop& stop = {});

}  // namespace newtape::core
