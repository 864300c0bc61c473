// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/power.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/distributions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {

namespace {

constexpr int most_runs = 1'000'000;

void check_arguments(const char* function, int runs, double power, double alpha) {
  if (runs >= 1 && power > 0 && power < 1 && alpha > 0 && alpha < 1) return;
  raise<ValueError>(fmt::format("{}: an argument is out of range", function), "runs >= 1, 0 < power < 1, 0 < alpha < 1",
                    fmt::format("runs = {}, power = {}, alpha = {}", runs, power, alpha));
}

}  // namespace

double attainable_level(int runs, double alpha) {
  check_arguments("attainable_level", runs, 0.5, alpha);
  if (runs > 40) return alpha;  // multiples of 2e-12
  const double step = std::ldexp(1.0, 1 - runs);
  return std::floor(alpha / step * (1 + 1e-12)) * step;
}

namespace {

/// The power at a level as a function of the effect.
class Power {
 public:
  /// runs >= 2, level > 0
  Power(int runs, double level) : runs_(runs), one_sign_(level < 1.5 * std::ldexp(1.0, 1 - runs)) {
    if (!one_sign_) critical_ = detail::t_quantile(1 - level / 2, runs - 1);
  }

  double operator()(double effect) const {
    if (std::isinf(effect)) return 1;
    if (one_sign_) return std::pow(detail::normal_cdf(effect), runs_) + std::pow(detail::normal_cdf(-effect), runs_);
    const double shift = std::abs(effect) * std::sqrt(static_cast<double>(runs_));
    return detail::t_survival(critical_, runs_ - 1, shift) + detail::t_survival(critical_, runs_ - 1, -shift);
  }

 private:
  int runs_;
  bool one_sign_;  ///< only differences of one sign are rejected
  double critical_ = 0;
};

}  // namespace

double paired_power(double effect, int runs, double alpha) {
  check_arguments("paired_power", runs, 0.5, alpha);
  const double level = attainable_level(runs, alpha);
  return runs < 2 || level <= 0 ? 0 : Power(runs, level)(effect);
}

double smallest_effect(int runs, double power, double alpha) {
  check_arguments("smallest_effect", runs, power, alpha);
  const double level = attainable_level(runs, alpha);
  if (runs < 2 || level <= 0) return std::numeric_limits<double>::infinity();
  if (power <= level) return 0;
  const Power power_of(runs, level);
  double low = 0;
  double high = 1;
  while (power_of(high) < power && high < 1e6) high *= 2;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (power_of(middle) < power ? low : high) = middle;
  }
  return high;
}

int required_runs(double effect, double power, double alpha) {
  check_arguments("required_runs", 1, power, alpha);
  if (effect == 0 || std::isnan(effect)) return 0;
  int high = 2;
  while (high < most_runs && paired_power(effect, high, alpha) < power) high = std::min(2 * high, most_runs);
  int low = high / 2;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (paired_power(effect, middle, alpha) < power ? low : high) = middle;
  }
  return high;
}

}  // namespace newtape::inspect
