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

/// One workload: seconds per step, a number for each round. What was not measured is empty.
struct Row {
  std::string name;
  double target = 0;  ///< the least ratio LibTorch / Newtape that is aimed at
  std::vector<double> newtape;
  std::vector<double> libtorch;
  std::vector<double> limit;       ///< that the machine sets, see machine.hpp
  std::vector<double> one_thread;  ///< Newtape's, where it has more
  std::string no_limit;            ///< why the workload has no limit, where it has none
  std::string trouble;             ///< why there are no times

  /// LibTorch's time over Newtape's, round by round; empty unless both sides were measured.
  std::vector<double> ratios() const;
  /// The limit over Newtape's time.
  std::vector<double> reached() const;
  /// Newtape's time with one thread over that with all.
  std::vector<double> speedups() const;
};

double geometric_mean(const std::vector<double>& values);

/// `threads`: with a column for the speed-up.
std::string header_text(bool threads);
std::string row_text(const Row& row, bool threads);
/// The geometric means of the ratios, of what is reached of the limits, and of the speed-ups.
std::string means_text(const std::vector<Row>& rows);

nlohmann::json to_json(const Row& row);
nlohmann::json means_json(const std::vector<Row>& rows);

}  // namespace bench
