// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/special.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <fmt/format.h>

#include <cmath>

namespace newtape::inspect {

double detail::two_sided_z(double confidence) {
  if (!(confidence > 0 && confidence < 1)) {
    raise<ValueError>("a confidence level must lie between 0 and 1", "for instance 0.95",
                      fmt::format("{}", confidence));
  }
  return std::sqrt(2.0) * core::erfinv(core::number(confidence, f64)).item();
}

std::string to_string(const Estimate& e) {
  return fmt::format("{:.4g} [{:.4g}, {:.4g}] (n = {})", e.value, e.low, e.high, e.count);
}

Estimate proportion(std::int64_t successes, std::int64_t trials, double confidence) {
  const double z = detail::two_sided_z(confidence);
  if (successes < 0 || successes > trials) {
    raise<ValueError>("proportion: successes are among the trials", "0 to trials",
                      fmt::format("{} of {}", successes, trials));
  }
  if (trials == 0) return {};
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double shrink = 1 + z * z / n;
  const double centre = (p + z * z / (2 * n)) / shrink;
  const double half = z / shrink * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  // The ends are exactly 0 and 1 there, which rounding would miss.
  return {p, successes == 0 ? 0 : centre - half, successes == trials ? 1 : centre + half, trials};
}

void RunningMean::add(double value) noexcept {
  ++count_;
  const double off = value - mean_;
  mean_ += off / static_cast<double>(count_);
  squares_ += off * (value - mean_);
}

void RunningMean::merge(const RunningMean& other) noexcept {
  if (other.count_ == 0) return;
  const auto n = static_cast<double>(count_);
  const auto m = static_cast<double>(other.count_);
  const double off = other.mean_ - mean_;
  squares_ += other.squares_ + off * off * n * m / (n + m);
  mean_ += off * m / (n + m);
  count_ += other.count_;
}

double RunningMean::variance() const noexcept {
  return count_ < 2 ? std::numeric_limits<double>::quiet_NaN() : squares_ / static_cast<double>(count_ - 1);
}

Estimate RunningMean::estimate(double confidence) const {
  const double z = detail::two_sided_z(confidence);
  if (count_ == 0) return {};
  const double half = z * std::sqrt(variance() / static_cast<double>(count_));
  return {mean_, mean_ - half, mean_ + half, count_};
}

}  // namespace newtape::inspect
