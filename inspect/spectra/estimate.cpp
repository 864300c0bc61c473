// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/estimate.hpp>

#include <cmath>
#include <limits>

namespace newtape::inspect {

StochasticEstimate mean_estimate(const std::vector<double>& samples) {
  const auto n = static_cast<double>(samples.size());
  double mean = 0;
  for (const double x : samples) mean += x / n;
  double squares = 0;
  for (const double x : samples) squares += (x - mean) * (x - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace newtape::inspect
