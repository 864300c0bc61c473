// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <cstdint>
#include <string>

namespace newtape::optim {

/// Algorithms for sums of squares, which work on the Jacobian J of the residuals r without forming J^T J. They are not
/// composed of the parts of `minimize`'s Methods, since the end of a run needs the residuals themselves.
enum class LeastSquaresAlgorithm {
  /// The minimiser s of |J s + r|^2 + damping |D s|^2, where D is diagonal: the largest length so far of each column of J.
  /// Corrected by the residuals' second derivative along s (Transtrum and Sethna 2012); the damping follows the gain
  /// ratio (Nielsen 1999).
  levenberg_marquardt,
  gauss_newton,  ///< the minimiser of |J s + r|^2, and a backtracking line search
  /// Powell 1970: from the Cauchy point to the Gauss-Newton step, within the trust region; damped where that is more than
  /// ten times as long as the region, as where columns of J are nearly dependent.
  dogleg,
};
/// The algorithm's name, as in error messages.
const char* to_string(LeastSquaresAlgorithm algorithm) noexcept;

/// State between iterations.
struct LeastSquaresState {
  double damping = 0;      ///< 0: not chosen yet
  double growth = 2;       ///< factor of the damping when the next step fails
  double radius = 0;       ///< 0: not chosen yet
  Array lengths;           ///< the largest lengths of J's columns so far
  bool equalized = false;  ///< D ignores moderate ratios of the lengths
  Array scale;             ///< the diagonal of D
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
