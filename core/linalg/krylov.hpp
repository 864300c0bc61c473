// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <functional>

/// Matrix-free iterative solvers for a x = b, b [n]; f32 or f64.
namespace newtape::core {

/// The product a v, of the shape and dtype of v (else ShapeError).
using MatVec = std::function<Array(const Array& v)>;

/// Options of cg, gmres and bicgstab.
struct KrylovOptions {
  double tolerance = 0;    ///< on |b - a x| / |b|; 0: 1e-10 in f64, 1e-5 in f32
  int max_iterations = 0;  ///< maximum number of products with a; 0: 10 n + 100
  int restart = 50;        ///< gmres: dimension of the Krylov space before a restart
};

/// The last iterate of a solver, converged or not.
struct KrylovResult {
  Array x;
  int iterations = 0;      ///< products with a
  double residual = 0;     ///< |b - a x| / |b|, as the solver computes it; 0 for b = 0
  bool converged = false;  ///< the residual is within the tolerance
};

/// Conjugate gradients (Hestenes and Stiefel 1952) for symmetric positive definite a. Stops without convergence at a
/// direction of nonpositive curvature.
KrylovResult cg(const MatVec& a, const Array& b, const KrylovOptions& options = {});
/// Restarted generalized minimal residual method (Saad and Schultz 1986) for general a.
KrylovResult gmres(const MatVec& a, const Array& b, const KrylovOptions& options = {});
/// Stabilized biconjugate gradients (van der Vorst 1992) for general a; little memory.
KrylovResult bicgstab(const MatVec& a, const Array& b, const KrylovOptions& options = {});

}  // namespace newtape::core
