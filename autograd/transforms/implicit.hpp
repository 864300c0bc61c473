// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/tape.hpp>

#include <functional>
#include <span>
#include <vector>

/// Solutions of equations, differentiated by the implicit function theorem: where f(x, theta) = 0,
/// dx/dtheta = -(df/dx)^-1 df/dtheta (Blondel et al. 2022). The solver is not recorded; derivatives of any order follow
/// from the equation alone. Only `theta` is differentiated: ValueError for an equation that captures another variable,
/// as its derivative would be missing.
namespace newtape {

/// Options of custom_root, fixed_point and custom_linear_solve: the solver of the linear systems in the derivatives.
struct LinearSolveOptions {
  /// The solver of the linear systems.
  enum class Method { automatic, dense, gmres, bicgstab, cg };
  Method method = Method::automatic;  ///< dense up to dense_limit unknowns, then cg when symmetric, else gmres
  bool symmetric = false;             ///< the matrix is symmetric (and, for cg, positive definite)
  std::int64_t dense_limit = 128;
  double tolerance = 0;    ///< relative residual for iterative methods; 0: 1e-10 in f64, 1e-5 in f32
  int max_iterations = 0;  ///< 0: 10 n + 100
  int restart = 50;        ///< gmres: iterations between restarts
};

/// An equation f(x, theta) = 0; f returns tensors of the shapes of x.
using Equation = std::function<std::vector<Tensor>(std::span<const Tensor> x, std::span<const Tensor> theta)>;
using UnaryEquation = std::function<Tensor(const Tensor& x, const Tensor& theta)>;

/// The root that `solver(theta)` returns, differentiable in theta. ShapeError unless f has the shapes of x;
/// NumericalError in the backward pass when df/dx is singular or the linear solver does not converge.
std::vector<Tensor> custom_root(const Located<Equation>& f,
                                const std::function<std::vector<Tensor>(std::span<const Tensor> theta)>& solver,
                                std::span<const Tensor> theta, const LinearSolveOptions& options = {});
Tensor custom_root(const Located<UnaryEquation>& f, const std::function<Tensor(const Tensor& theta)>& solver,
                   const Tensor& theta, const LinearSolveOptions& options = {});

struct FixedPointOptions {
  double tolerance = 0;  ///< max |f(x) - x| / max(1, max |f(x)|) at convergence; 0: 1e-12 in f64, 1e-6 in f32
  int max_iterations = 1000;
  int memory = 5;  ///< previous steps in Anderson acceleration (Walker and Ni 2011); 0: plain iteration x = f(x)
  LinearSolveOptions linear = {};
};

/// The x with x = f(x, theta), iterated from x0; derivatives as in custom_root. NumericalError when not converged.
std::vector<Tensor> fixed_point(const Located<Equation>& f, std::span<const Tensor> x0, std::span<const Tensor> theta,
                                const FixedPointOptions& options = {});
Tensor fixed_point(const Located<UnaryEquation>& f, const Tensor& x0, const Tensor& theta,
                   const FixedPointOptions& options = {});

/// v -> A v, for v of the shape of the right side.
using LinearMap = std::function<Tensor(const Tensor& v)>;
/// (v, theta) -> A(theta) v, linear in v.
using LinearFunction = std::function<Tensor(const Tensor& v, std::span<const Tensor> theta)>;
/// Returns the x with a(x) = b.
using LinearSolver = std::function<Tensor(const LinearMap& a, const Tensor& b)>;

struct CustomLinearSolveOptions {
  LinearSolver solve = {};            ///< solves A x = b; default: the method of `linear`
  LinearSolver transpose_solve = {};  ///< solves A^T x = b in the derivative; not used when A is symmetric
  LinearSolveOptions linear = {};
};

/// The x with A(theta) x = b, for a matrix given by its matrix-vector products; derivatives of any order in b and
/// theta. NumericalError when A is singular or the iteration does not converge.
Tensor custom_linear_solve(const Located<LinearFunction>& matvec, const Tensor& b, std::span<const Tensor> theta = {},
                           const CustomLinearSolveOptions& options = {});

}  // namespace newtape
