// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

/// Numbers from rounds, and how they are shown.
namespace bench {

/// The q-th quantile of `values`, interpolated linearly between order statistics; q = 0.5 is the median.
double quantile(std::vector<double> values, double q);
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }

/// `12.3 us`, `4.56 ms`, `7.8 s`
std::string time_text(double seconds);
/// `12.3 MB`, of a million bytes
std::string size_text(double bytes);

/// One workload: seconds per step, a number for each round. A side that was not measured is empty.
struct Row {
  std::string name;
  double target = 0;  ///< the least ratio LibTorch / Newtape that is aimed at
  std::vector<double> newtape;
  std::vector<double> libtorch;
  std::string trouble;  ///< why there are no times

  /// LibTorch's time over Newtape's, round by round; empty unless both sides were measured.
  std::vector<double> ratios() const;
};

std::string header_text();
std::string row_text(const Row& row);
nlohmann::json to_json(const Row& row);

}  // namespace bench
