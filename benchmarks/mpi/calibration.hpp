// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "cost_model.hpp"

#include <utility>
#include <vector>

namespace bench {

/// The line a + b x through points (x, y) with the least sum of squared relative errors: short and long messages count
/// alike.
std::pair<double, double> fit_line(const std::vector<std::pair<double, double>>& points);

/// Measures the link between the two ranks at hand: latency and bandwidth by messages there and back (ping-pong), the rate
/// of sums by reductions as DataParallel makes them. The medians of repetitions.
Link calibrate();

}  // namespace bench
