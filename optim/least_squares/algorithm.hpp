// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <cstdint>
#include <string>

namespace newtape::optim {

/// The algorithms for sums of squares, which work on the Jacobian J of the residuals r without forming J^T J. Each is a
/// composition of its own, apart from the Methods of `minimize`: the end of a run needs the residuals themselves.
enum class LeastSquaresAlgorithm {
  /// |J s + r|^2 + damping |D s|^2, with the largest lengths of J's columns so far as D, corrected by the residuals' second derivative
  /// along s (Transtrum and Sethna 2012); the damping is updated by the gain ratio (Nielsen 1999).
  levenberg_marquardt,
  gauss_newton,  ///< the minimiser of |J s + r|^2, and a backtracking line search
  dogleg,        ///< Powell 1970: from the Cauchy point to the Gauss-Newton step, within the trust region
};
const char* to_string(LeastSquaresAlgorithm algorithm) noexcept;

/// State between iterations.
struct LeastSquaresState {
  double damping = 0;  ///< 0: not chosen yet
  double growth = 2;   ///< factor of the damping when the next step fails
  double radius = 0;   ///< 0: not chosen yet
  Array lengths;       ///< the largest lengths of J's columns so far
  bool even = false;   ///< moderate ratios of these do not count in D
  Array scale;         ///< the diagonal of D
};

/// The outcome of an iteration.
struct LeastSquaresStepResult {
  bool moved = false;
  double ratio = 0, region = 0;  ///< as in Iteration
  std::int64_t inner = 0;
  std::string note = {};
  Status status = Status::no_progress;  ///< why it did not move; may be a converged one
};

}  // namespace newtape::optim
