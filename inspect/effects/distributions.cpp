// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/distributions.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/special.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace newtape::inspect::detail {

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

double normal_quantile(double p) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!(p > 0)) return p == 0 ? -infinity : std::numeric_limits<double>::quiet_NaN();
  if (p >= 1) return p == 1 ? infinity : std::numeric_limits<double>::quiet_NaN();
  if (p > 0.5) return -normal_quantile(1 - p);
  // The inverse of erf has no digits left in the tail, where 2 p - 1 rounds to -1: the asymptote, and Halley's method.
  double x = p < 1e-10 ? -std::sqrt(-2 * std::log(p))
                       : std::numbers::sqrt2 * core::erfinv(core::full({}, 2 * p - 1, f64)).item();
  for (int i = 0; i < 6; ++i) {
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    const double u = (normal_cdf(x) - p) / density;
    x -= u / (1 + x * u / 2);
  }
  return x;
}

double t_survival(double t, double degrees, double shift) {
  // With s = sqrt(V / degrees) = e^u: the integral over u of the density of u times P(Z > t s - shift). The integrand is
  // analytic and vanishes at both ends, so that the trapezoidal rule converges exponentially in 1 / h.
  const double nu = degrees;
  const double constant = std::log(2.0) + nu / 2 * std::log(nu / 2) - std::lgamma(nu / 2) - nu / 2;
  const auto log_density = [nu](double u) { return nu * (u - std::expm1(2 * u) / 2); };  // without the constant
  const double h = 1 / (16 * std::sqrt(nu + 1));
  double sum = 0;
  for (const double direction : {1.0, -1.0}) {
    for (int k = direction > 0 ? 0 : 1;; ++k) {
      const double u = direction * k * h;
      const double g = log_density(u);
      if (g < -45) break;  // e^-45 < 3e-20
      sum += std::exp(g + constant) * normal_cdf(shift - t * std::exp(u));
    }
  }
  return sum * h;
}

double t_quantile(double p, double degrees) {
  if (p < 0.5) return -t_quantile(1 - p, degrees);
  // Newton's method from the left, where the normal quantile is: the survival function is convex, so that no step
  // passes the solution.
  const double nu = degrees;
  const double constant = std::lgamma((nu + 1) / 2) - std::lgamma(nu / 2) - std::log(nu * std::numbers::pi) / 2;
  double t = normal_quantile(p);
  for (int i = 0; i < 100; ++i) {
    const double density = std::exp(constant - (nu + 1) / 2 * std::log1p(t * t / nu));
    const double step = (t_survival(t, nu) - (1 - p)) / density;
    t += step;
    if (std::abs(step) <= 1e-14 * (1 + t)) break;
  }
  return t;
}

}  // namespace newtape::inspect::detail
