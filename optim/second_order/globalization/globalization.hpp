// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/globalization/line_search.hpp>

/// Globalizations, for convergence from any starting point.
namespace newtape::optim {

struct TrustRegionOptions {
  double initial_radius = 0;  ///< 0: max(|x|, 1)
  double max_radius = 1e20;
  double accept = 1e-4;  ///< min. actual over predicted reduction of an accepted step
  /// Equilibrates the unknowns, where the curvature is a matrix, so that the largest entry of each of its rows is 1
  /// (Ruiz 2001). The region is then independent of the scales of the unknowns.
  bool scaled = true;
};

struct DampingOptions {
  double initial = 1e-3;  ///< relative to the curvature along the first gradient
  double accept = 1e-4;
};

namespace globalization {

/// A step along the direction by a line search. A direction that is not a descent direction is replaced by -g.
MakeGlobalization line_search(LineSearch search);
MakeGlobalization backtracking(const BacktrackingOptions& options = {});
MakeGlobalization strong_wolfe(const StrongWolfeOptions& options = {});
MakeGlobalization hager_zhang(const HagerZhangOptions& options = {});
/// Steps within a radius, which follows the ratio of actual to predicted reduction (Conn, Gould and Toint 2000).
MakeGlobalization trust_region(const TrustRegionOptions& options = {});
/// Levenberg's and Marquardt's damping of the curvature, by Nielsen's rule (1999).
MakeGlobalization damping(const DampingOptions& options = {});

}  // namespace globalization
}  // namespace newtape::optim
