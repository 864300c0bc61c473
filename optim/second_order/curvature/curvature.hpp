// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

/// Models of a function's curvature.
namespace newtape::optim {

struct LBFGSOptions {
  int history = 10;  ///< number of stored pairs of step and change of gradient
};

struct ProductOptions {
  /// Random vectors for an estimate of the diagonal, which preconditions conjugate gradients; 0: none.
  int diagonal_samples = 0;
};

namespace curvature {

struct HutchinsonOptions {
  int samples = 1;      ///< random vectors at each point
  double decay = 0.9;   ///< of the running mean of the estimates
  double floor = 1e-4;  ///< lower bound of |diagonal|, relative to its largest entry
  std::uint64_t seed = 0;
};

/// The identity.
MakeCurvature none();
/// The Hessian as a matrix, by batched sweeps.
MakeCurvature hessian();
/// The Hessian by its products with vectors.
MakeCurvature hessian_product(const ProductOptions& options = {});
/// The generalised Gauss-Newton matrix J^T H J, for outputs and loss as two functions (see Objective): positive semidefinite for a convex loss.
MakeCurvature generalized_gauss_newton();
/// The same by its products.
MakeCurvature generalized_gauss_newton_product(const ProductOptions& options = {});
/// Broyden, Fletcher, Goldfarb, Shanno: B and its inverse, positive definite; kept in f64. Pairs without positive
/// curvature are skipped.
MakeCurvature bfgs();
/// The same from the last few pairs (Nocedal 1980); products by the compact form (Byrd, Nocedal and Schnabel 1994).
MakeCurvature lbfgs(const LBFGSOptions& options = {});
/// Symmetric rank one: may be indefinite, as the Hessian may; for trust regions.
MakeCurvature sr1();
/// The absolute values of the Hessian's diagonal, estimated from products with random signs (Bekas 2007).
MakeCurvature hutchinson(const HutchinsonOptions& options = {});

}  // namespace curvature
}  // namespace newtape::optim
