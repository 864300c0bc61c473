// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/globalization/line_search.hpp>

/// How far one goes, so that one arrives from any start.
namespace newtape::optim {

struct TrustRegionOptions {
  double initial_radius = 0;  ///< 0: the size of x, 1 at least
  double max_radius = 1e20;
  double accept = 1e-4;  ///< the least part of the predicted fall for which a step is taken
  /// Measures each unknown in its own unit, where the curvature is at hand as a matrix: in these units no row of it has
  /// a largest entry other than 1 (Ruiz 2001). The region then does not mind how the unknowns are scaled.
  bool scaled = true;
};

struct DampingOptions {
  double initial = 1e-3;  ///< as a part of the curvature along the first gradient
  double accept = 1e-4;
};

namespace globalization {

/// Along the direction, as far as a search says. A direction that does not go down is replaced by -g.
MakeGlobalization line_search(LineSearch search);
MakeGlobalization backtracking(const BacktrackingOptions& options = {});
MakeGlobalization strong_wolfe(const WolfeOptions& options = {});
MakeGlobalization hager_zhang(const HagerZhangOptions& options = {});
/// Steps within a radius, which grows and shrinks with how well the model predicts (Conn, Gould and Toint 2000).
MakeGlobalization trust_region(const TrustRegionOptions& options = {});
/// Levenberg's and Marquardt's damping of the curvature, by Nielsen's rule (1999).
MakeGlobalization damping(const DampingOptions& options = {});

}  // namespace globalization
}  // namespace newtape::optim
