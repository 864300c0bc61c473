// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <functional>

/// Boundary value problems: dy/dx = f(x, y, p) on [a, b] with n + k conditions bc(y(a), y(b), p) = 0 for n functions y and
/// k unknown parameters p, by collocation (SciPy's solve_bvp).
namespace newtape {

/// The right-hand sides at all nodes: x [m], y [n, m], p [k] -> [n, m]. Column i may depend on x[i], y[:, i] and p only, so
/// that a function of one point, written with y[0], y[1], .., serves.
using BvpFunction = std::function<Tensor(const Tensor& x, const Tensor& y, const Tensor& p)>;
/// The conditions: y(a) [n], y(b) [n], p [k] -> [n + k], zero where they hold.
using BoundaryConditions = std::function<Tensor(const Tensor& ya, const Tensor& yb, const Tensor& p)>;

struct SolveBvpOptions {
  double tol = 1e-3;              ///< of the root mean square of (y' - f) / (1 + |f|) in each interval
  double bc_tol = 0;              ///< of the conditions; 0: tol
  std::int64_t max_nodes = 1000;  ///< NumericalError beyond
};

/// A solution of a boundary value problem.
struct BvpSolution {
  Tensor x;              ///< [m], the nodes
  Tensor y;              ///< [n, m]
  Tensor yp;             ///< [n, m], its derivatives
  Tensor p;              ///< [k], the unknown parameters
  Tensor rms_residuals;  ///< [m - 1]
  int iterations = 0;    ///< meshes that were solved

  /// y at points [q] in [a, b]: [n, q], by the cubic spline through y with slopes yp. ValueError outside.
  Tensor operator()(const Tensor& points) const;
};

/// The solution from the guess y [n, m] at nodes x [m], increasing, of p [k] (left out: k = 0). Collocation of order four
/// at the ends and middles of the intervals (a cubic spline; the 3-stage Lobatto IIIA formula), Newton's method with the
/// Jacobians of f and bc from the tape, and nodes inserted where the residual between the points exceeds `tol` (Kierzenka
/// & Shampine 2001). A Newton step costs m n^3: pairs of intervals are combined by orthogonal factorizations (Wright 1992).
///
/// y, yp and p are differentiable, to order three, in all variables that f and bc depend on, by the implicit function
/// theorem; the iterations are not recorded. The mesh is a constant. All is f64. NumericalError when the Jacobian is
/// singular, the mesh would exceed max_nodes, or the conditions are not met; ShapeError, DTypeError, ValueError.
BvpSolution solve_bvp(const BvpFunction& f, const BoundaryConditions& bc, const Tensor& x, const Tensor& y,
                      const Tensor& p = {}, const SolveBvpOptions& options = {});

}  // namespace newtape
