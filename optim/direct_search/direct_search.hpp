// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <cstdint>

/// Methods of `minimize` for functions without derivatives: `minimize(f, x0, {.method = optim::cma_es()})`. f is called
/// with recording off, may be discontinuous, and may be NaN or infinite away from the start. The result has no gradient
/// (NaN), and `converged` says that the search has contracted, not that the point is a minimum.
namespace newtape::optim {

struct NelderMeadOptions {
  double size = 0.1;  ///< edges of the first simplex, relative to each |x_i| (or 1 where it is 0)
  /// Times that a converged simplex is replaced by a fresh one around its best point, as long as that lowers the value:
  /// a simplex may collapse at a point that is no minimum.
  int restarts = 5;
};

/// The simplex of Nelder and Mead (1965) with coefficients that depend on the number of unknowns (Gao and Han 2012), for
/// up to some twenty unknowns. The trace's region is the size of the simplex. With bounds, points are projected.
Method nelder_mead(const NelderMeadOptions& options = {});

struct CmaEsOptions {
  double sigma = 0.3;           ///< first standard deviation, relative to each |x_i| (or 1 where it is 0)
  std::int64_t population = 0;  ///< points in a generation; 0: 4 + 3 log(n), rounded down
  int restarts = 0;             ///< from the start, each with twice the population (Auger and Hansen 2005)
  std::uint64_t seed = 0;
};

/// The evolution strategy with covariance matrix adaptation (Hansen 2016, "The CMA evolution strategy: a tutorial"): for
/// noisy, rugged or badly scaled functions of up to some hundred unknowns. An iteration is a generation; the trace's
/// region is the largest standard deviation. With bounds, samples are projected.
Method cma_es(const CmaEsOptions& options = {});

}  // namespace newtape::optim
