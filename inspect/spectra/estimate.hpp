// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace newtape::inspect {

/// A mean over independent random samples, with the standard error of that mean.
struct StochasticEstimate {
  double value = 0;
  double standard_error = 0;  ///< NaN for a single sample
};

/// The mean of `samples`, of which there is one at least, and its standard error.
inline StochasticEstimate mean_estimate(const std::vector<double>& samples) {
  const auto n = static_cast<double>(samples.size());
  double mean = 0;
  for (const double x : samples) mean += x / n;
  double squares = 0;
  for (const double x : samples) squares += (x - mean) * (x - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace newtape::inspect
