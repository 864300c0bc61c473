// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>

#include <cstdint>
#include <limits>
#include <string>

/// Estimates from samples, with confidence intervals.
namespace newtape::inspect {

/// A metric on `count` examples, and the ends of its confidence interval; NaN without examples.
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  std::int64_t count = 0;
};

/// "0.9123 [0.9012, 0.9221] (n = 1000)".
std::string to_string(const Estimate& estimate);

/// `successes` / `trials` with Wilson's score interval (1927). ValueError unless 0 <= successes <= trials and 0 <
/// confidence < 1.
Estimate proportion(std::int64_t successes, std::int64_t trials, double confidence = 0.95);

/// The mean and variance of a stream of numbers, in constant memory: Welford 1962, merged by Chan, Golub & LeVeque 1979.
class RunningMean {
 public:
  void add(double value) noexcept;
  void merge(const RunningMean& other) noexcept;

  /// The number of values, and their mean: 0 of none.
  std::int64_t count() const noexcept { return count_; }
  double mean() const noexcept { return mean_; }
  /// With the divisor count - 1; NaN of fewer than two numbers.
  double variance() const noexcept;
  /// The mean with the interval of the normal distribution, mean +- z sqrt(variance / count).
  Estimate estimate(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(count_), f(mean_), f(squares_);
  }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  ///< sum of squared deviations from the mean
};

namespace detail {
/// The z with P(|N(0, 1)| <= z) = confidence; ValueError unless 0 < confidence < 1.
double two_sided_z(double confidence);
}  // namespace detail
}  // namespace newtape::inspect

template <>
struct fmt::formatter<newtape::inspect::Estimate> : newtape::detail::StringFormatter {
  auto format(const newtape::inspect::Estimate& e, fmt::format_context& context) const {
    return write(newtape::inspect::to_string(e), context);
  }
};
