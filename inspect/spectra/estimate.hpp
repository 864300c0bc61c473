// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <vector>

namespace newtape::inspect {

/// A mean over independent random samples, with the standard error of that mean.
struct StochasticEstimate {
  double value = 0;
  double standard_error = 0;  ///< NaN for a single sample
};

/// The mean of `samples`, of which there is one at least, and its standard error.
StochasticEstimate mean_estimate(const std::vector<double>& samples);

}  // namespace newtape::inspect
