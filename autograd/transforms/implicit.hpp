// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tape.hpp>

#include <functional>
#include <span>
#include <vector>

/// Solutions of equations, differentiated by the implicit function theorem: where f(x, theta) = 0,
/// dx/dtheta = -(df/dx)^-1 df/dtheta (Blondel et al. 2022). How the solution was found does not matter and is not
/// recorded; derivatives of any order come from the equation alone. Only `theta` is differentiated: an equation that
/// captured another variable is a ValueError, as its derivative would be missing.
namespace newtape {

/// How the linear systems of the derivatives are solved.
struct LinearSolveOptions {
  enum class Method { automatic, dense, gmres, bicgstab, cg };
  Method method = Method::automatic;  ///< dense up to dense_limit unknowns, then cg when symmetric, else gmres
  bool symmetric = false;             ///< the matrix is symmetric (and, for cg, positive definite)
  std::int64_t dense_limit = 128;
  double tolerance = 0;    ///< relative, of the iterative methods; 0: 1e-10 in f64, 1e-5 in f32
  int max_iterations = 0;  ///< 0: 10 n + 100
  int restart = 50;        ///< of gmres
};

/// An equation f(x, theta) = 0 in as many numbers as x has.
using Equation = std::function<std::vector<Tensor>(std::span<const Tensor> x, std::span<const Tensor> theta)>;
using UnaryEquation = std::function<Tensor(const Tensor& x, const Tensor& theta)>;

/// The root that `solver(theta)` finds, with its derivatives in theta. ShapeError unless f has the shapes of x;
/// NumericalError, in the derivative, where df/dx is singular or the iteration does not converge.
std::vector<Tensor> custom_root(const Equation& f,
                                const std::function<std::vector<Tensor>(std::span<const Tensor> theta)>& solver,
                                std::span<const Tensor> theta, const LinearSolveOptions& options = {});
Tensor custom_root(const UnaryEquation& f, const std::function<Tensor(const Tensor& theta)>& solver,
                   const Tensor& theta, const LinearSolveOptions& options = {});

struct FixedPointOptions {
  double tolerance = 0;  ///< of the largest |f(x) - x|, relative to that of x or to 1; 0: 1e-12 in f64, 1e-6 in f32
  int max_iterations = 1000;
  int memory =
      5;  ///< steps that Anderson's acceleration looks back on (Walker and Ni 2011); 0: x = f(x), over and over
  LinearSolveOptions linear = {};
};

/// The x with x = f(x, theta), iterated from x0; derivatives as in custom_root. NumericalError without convergence.
std::vector<Tensor> fixed_point(const Equation& f, std::span<const Tensor> x0, std::span<const Tensor> theta,
                                const FixedPointOptions& options = {});
Tensor fixed_point(const UnaryEquation& f, const Tensor& x0, const Tensor& theta,
                   const FixedPointOptions& options = {});

/// v -> A v, for v of the shape of the right side.
using LinearMap = std::function<Tensor(const Tensor& v)>;
/// (v, theta) -> A(theta) v, linear in v.
using LinearFunction = std::function<Tensor(const Tensor& v, std::span<const Tensor> theta)>;
/// The x with a(x) = b, found in whatever way.
using LinearSolver = std::function<Tensor(const LinearMap& a, const Tensor& b)>;

struct CustomLinearSolveOptions {
  LinearSolver solve = {};            ///< of A x = b; without one, as `linear` says
  LinearSolver transpose_solve = {};  ///< of A^T x = b, as the derivative needs it; `solve` does when A is symmetric
  LinearSolveOptions linear = {};
};

/// The x with A(theta) x = b, for a matrix that is only known by its products, with derivatives of any order in b and
/// theta. NumericalError when A is singular or the iteration does not converge.
Tensor custom_linear_solve(const LinearFunction& matvec, const Tensor& b, std::span<const Tensor> theta = {},
                           const CustomLinearSolveOptions& options = {});

}  // namespace newtape
