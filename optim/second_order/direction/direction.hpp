// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

/// Directions from a gradient g and a curvature B. Each takes a trust region's radius and a damping of B's diagonal;
/// those that do not solve the trust-region problem are truncated at the radius.
namespace newtape::optim {

struct ConjugateOptions {
  /// The formula of beta in d = -g + beta d_last (Hager and Zhang 2006, table 1.1).
  enum class Beta { fletcher_reeves, polak_ribiere, hestenes_stiefel, dai_yuan, hager_zhang };
  Beta beta = Beta::hager_zhang;  ///< polak_ribiere and hestenes_stiefel are clipped at 0
};

struct TruncatedCGOptions {
  /// Stops at |residual| <= min(forcing, |g|^power) |g|: the default converges superlinearly (Dembo and Steihaug 1983).
  double forcing = 0.1;
  double power = 0.5;
  int max_iterations = 0;  ///< 0: 2 n, at most 500
};

namespace direction {

/// -g.
MakeDirection steepest();
/// Nonlinear conjugate gradients, which use the gradient and the last direction only.
MakeDirection conjugate(const ConjugateOptions& options = {});
/// -B^-1 g; where B is not positive definite a multiple of the identity is added (Nocedal and Wright 2006, algorithm
/// 3.3).
MakeDirection newton();
/// -|B|^-1 g, with the absolute values of the eigenvalues (Dauphin 2014).
MakeDirection saddle_free();
/// Conjugate gradients on B d = -g, with B's preconditioner, if any; stops at the radius or at negative curvature,
/// which it follows to the radius (Steihaug 1983).
MakeDirection truncated_cg(const TruncatedCGOptions& options = {});
/// From the Cauchy point towards the Newton step, up to the radius (Powell 1970).
MakeDirection dogleg();
/// The minimum of the model within the radius, by eigendecomposition, the hard case included (More and Sorensen 1983).
MakeDirection more_sorensen();

}  // namespace direction

/// -g d - d B d / 2, given B d.
double predicted_reduction(const Array& gradient, const Array& d, const Array& bd);
/// Truncates a step at the radius, and sets its predicted reduction.
Step truncate_to_radius(Step step, Curvature& b, const Array& gradient, const Region& region);
/// The positive tau with |p + tau d| = radius.
double to_boundary(const Array& p, const Array& d, double radius);

}  // namespace newtape::optim
