// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <functional>

/// Linear systems a x = b whose matrix is only known by its products, for b [n], f32 or f64.
namespace newtape::core {

using MatVec = std::function<Array(const Array& v)>;

struct KrylovOptions {
  double tolerance = 0;    ///< of |b - a x| / |b|; 0: 1e-10 in f64, 1e-5 in f32
  int max_iterations = 0;  ///< products with a; 0: 10 n + 100
  int restart = 50;        ///< gmres: vectors that are kept
};

struct KrylovResult {
  Array x;
  int iterations = 0;
  double residual = 0;  ///< |b - a x| / |b|
  bool converged = false;
};

/// Conjugate gradients (Hestenes and Stiefel 1952): a symmetric and positive definite. Stops, not converged, at a
/// direction of no positive curvature.
KrylovResult cg(const MatVec& a, const Array& b, const KrylovOptions& options = {});
/// Restarted generalised minimal residuals (Saad and Schultz 1986): any a.
KrylovResult gmres(const MatVec& a, const Array& b, const KrylovOptions& options = {});
/// Stabilised biconjugate gradients (van der Vorst 1992): any a, with little memory.
KrylovResult bicgstab(const MatVec& a, const Array& b, const KrylovOptions& options = {});

}  // namespace newtape::core
