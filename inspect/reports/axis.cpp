// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/axis.hpp>
#include <newtape/inspect/reports/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::inspect::detail {

Axis::Axis(double low, double high, double from, double to, bool log_scale)
    : low_(low), high_(high), from_(from), to_(to), log_(log_scale) {
  if (high_ / 2 - low_ / 2 > 0) return;
  const double middle = low_;
  low_ = log_ ? middle / 2 : middle - std::max(0.5, std::abs(middle) * 1e-3);
  high_ = log_ ? middle * 2 : middle + std::max(0.5, std::abs(middle) * 1e-3);
}

double Axis::operator()(double v) const noexcept {
  // Halves keep the difference finite where the range is longer than the largest number.
  const double share = log_ ? (std::log(v) - std::log(low_)) / (std::log(high_) - std::log(low_))
                            : (v / 2 - low_ / 2) / (high_ / 2 - low_ / 2);
  return from_ + share * (to_ - from_);
}

std::vector<Axis::Tick> Axis::ticks(int count) const {
  std::vector<Tick> result;
  if (log_) {
    const int first = static_cast<int>(std::ceil(std::log10(low_) - 1e-9));
    const int last = static_cast<int>(std::floor(std::log10(high_) + 1e-9));
    const int step = std::max(1, (last - first + count) / count);
    for (int e = first; e <= last; e += step) result.push_back({std::pow(10.0, e), fmt::format("1e{}", e)});
    return result;
  }
  // 1, 2 or 5 times a power of ten.
  const double raw = (high_ / count - low_ / count);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
  if (!std::isfinite(step) || step <= 0) return {{low_, report_number(low_)}, {high_, report_number(high_)}};
  const double first = std::ceil(low_ / step - 1e-9);
  for (int i = 0; i <= 2 * count && (first + i) * step <= high_ + 1e-9 * step; ++i) {
    const double v = (first + i) * step;
    result.push_back({v, fmt::format("{:.6g}", v)});
  }
  return result;
}

}  // namespace newtape::inspect::detail
