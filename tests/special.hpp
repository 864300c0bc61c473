// SPDX-License-Identifier: BSD-3-Clause
// References for special functions, in long double and from the definitions.
#pragma once

#include <algorithm>
#include <cmath>

namespace special {

/// By bisection.
inline long double erfinv_of(long double x) {
  if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? x * HUGE_VALL : std::nanl("");
  long double low = -9;
  long double high = 9;
  if (std::fabs(x) < 1e-5L) return x * (0.5L / 0.56418958354775628694807945156077L);  // the next term is below 1e-10 x
  for (int i = 0; i < 200; ++i) {
    const long double middle = (low + high) / 2;
    (std::erf(middle) < x ? low : high) = middle;
  }
  return low;
}

inline bool pole(long double x) { return x <= 0 && x == std::floor(x); }
/// (-1)^(n+1) n! times the sum over k of 1 / (x + k)^(n+1): the first terms, and an integral for the others. n = 0 is
/// digamma.
inline long double polygamma_of(int n, long double x) {
  if (pole(x)) return std::nanl("");
  int count = 1000;
  while (x + count < 1000) ++count;
  long double sum = 0;  // the small ones first
  for (int k = count; k-- > 0;) sum += std::pow(x + k, -(n + 1.0L));
  // The integral from the middle between two terms, and what it misses.
  const long double z = x + count - 0.5L;
  const long double s = n + 1;
  const long double missed = s * std::pow(z, -s - 1) / 24 - 7 * s * (s + 1) * (s + 2) * std::pow(z, -s - 3) / 5760;
  if (n == 0) return std::log(z) + missed - sum;
  sum += std::pow(z, -static_cast<long double>(n)) / n - missed;
  return (n % 2 != 0 ? 1 : -1) * std::tgamma(n + 1.0L) * sum;
}
inline long double digamma_of(long double x) { return polygamma_of(0, x); }
inline long double lgamma_of(long double x) { return pole(x) ? HUGE_VALL : std::lgamma(x); }
inline long double sinc_of(long double x) {
  const long double z = 3.14159265358979323846264338327950288L * x;
  return x == 0 ? 1 : x == std::floor(x) ? 0 : std::sin(z) / z;
}
inline long double logaddexp_of(long double a, long double b) {
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

inline long double tanhshrink_of(long double x) {
  if (std::fabs(x) > 1) return x - std::tanh(x);
  // Lambert's continued fraction: tanh(x) = x / (1 + w) with w = x^2 / (3 + x^2 / (5 + ...))
  long double w = 0;
  for (int k = 41; k > 1; k -= 2) w = x * x / (k + w);
  return x * (w / (1 + w));
}

/// Bessel's integral, the mean of cos(n t - x sin t) over a period, by the trapezoidal rule, which converges exponentially.
inline long double bessel_j_of(int n, long double x) {
  if (std::fabs(x) < 1) {  // the power series, which keeps the digits of small values
    long double term = std::pow(x / 2, n) / std::tgamma(n + 1.0L), sum = 0;
    for (int k = 1; k < 30; ++k) {
      sum += term;
      term *= -(x * x / 4) / (k * (n + k));
    }
    return sum;
  }
  constexpr long double pi_l = 3.14159265358979323846264338327950288L;
  const int half = 40 + n + static_cast<int>(std::fabs(x));
  long double sum = (1 + (n % 2 != 0 ? -1 : 1)) / 2.0L;
  for (int k = 1; k < half; ++k) {
    const long double t = pi_l * k / half;
    sum += std::cos(n * t - x * std::sin(t));
  }
  return sum / half;
}
/// Of the C++ library, by continued fractions.
inline long double bessel_y_of(int n, long double x) {
  if (x == 0) return -HUGE_VALL;
  return x < 0 ? std::nanl("") : std::cyl_neumann(static_cast<long double>(n), x);
}

/// The zero of an increasing function between two numbers.
template <class F>
long double bisect(long double low, long double high, const F& f) {
  for (int i = 0; i < 200; ++i) {
    const long double middle = (low + high) / 2;
    (f(middle) < 0 ? low : high) = middle;
  }
  return low;
}

inline constexpr long double pi_of = 3.14159265358979323846264338327950288L;
inline long double erfcx_of(long double x) {
  if (x < 10) return std::exp(x * x) * std::erfc(x);
  // Abramowitz and Stegun 7.1.23
  long double term = 1;
  long double sum = 0;
  for (int k = 1; k < 40 && std::fabs(term) > 1e-22L; ++k) {
    sum += term;
    term *= -(2 * k - 1) / (2 * x * x);
  }
  return sum / (x * std::sqrt(pi_of));
}
inline long double ndtr_of(long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }
inline long double log_ndtr_of(long double x) {
  if (x > 0) return std::log1p(-ndtr_of(-x));
  return x > -12 ? std::log(ndtr_of(x)) : std::log(erfcx_of(-x / std::sqrt(2.0L)) / 2) - x * x / 2;
}
inline long double ndtri_of(long double p) {
  if (!(p > 0 && p < 1)) return p == 0 || p == 1 ? (p - 0.5L) * HUGE_VALL : std::nanl("");
  if (p > 0.5L) return -ndtri_of(1 - p);
  return bisect(-40, 0.1L, [p](long double x) { return log_ndtr_of(x) - std::log(p); });
}
inline long double entr_of(long double x) { return x < 0 ? -HUGE_VALL : x == 0 ? 0 : -x * std::log(x); }
inline long double logit_of(long double x) { return std::log(x / (1 - x)); }

/// The modified Bessel function of order n = 0 or 1, by its series.
inline long double bessel_i_of(int n, long double x) {
  long double term = n == 0 ? 1 : x / 2;
  long double sum = 0;
  for (int k = 1; std::fabs(term) > 1e-22L * std::fabs(sum); ++k) {
    sum += term;
    term *= x / 2 / k * (x / 2 / (k + n));
  }
  return sum;
}
inline long double scaled_bessel_i_of(int n, long double x) { return std::exp(-std::fabs(x)) * bessel_i_of(n, x); }

/// By the series of positive terms.
inline long double igamma_of(long double a, long double x) {
  if (x == 0) return 0;
  long double term = 1;
  long double sum = 0;
  for (int n = 1; term > 1e-22L * sum; ++n) {
    sum += term;
    term *= x / (a + n);
  }
  return std::exp(a * std::log(x) - x - std::lgamma(a + 1)) * sum;
}
/// 1 - P, without their difference where a is so small that P is near 1.
inline long double igammac_of(long double a, long double x) {
  if (a > 1e-6L || x > 0.5L) return 1 - igamma_of(a, x);
  // Gamma(a, x) = (Gamma(1 + a) - x^a) / a - x^a times the sum of (-x)^n / (n! (a + n)).
  const long double power = a * std::log(x);
  const long double gamma =
      -0.577215664901532860606512090082402431L * a + 0.822467033424113218236207583323012594L * a * a;
  long double term = 1;
  long double sum = 0;
  for (int n = 1; std::fabs(term) > 1e-22L; ++n) {
    term *= -x / n;
    sum += term / (a + n);
  }
  return (std::expm1(gamma) - std::expm1(power) - a * std::exp(power) * sum) / std::exp(gamma);
}
inline long double igammainv_of(long double a, long double p) {
  return std::exp(bisect(std::log(p) / a - 80, 20, [=](long double y) { return igamma_of(a, std::exp(y)) - p; }));
}
/// Likewise: x^a (1 - x)^b / (a B(a, b)) times the sum of (a + b)_n / (a + 1)_n x^n.
inline long double betainc_of(long double a, long double b, long double x) {
  if (x == 0 || x == 1) return x;
  long double term = 1;
  long double sum = 0;
  for (int n = 0; term > 1e-22L * sum; ++n) {
    sum += term;
    term *= x * (a + b + n) / (a + 1 + n);
  }
  const long double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  return std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta) / a * sum;
}
inline long double betaincinv_of(long double a, long double b, long double p) {
  return bisect(0, 1, [=](long double x) { return betainc_of(a, b, x) - p; });
}
/// The first terms, the integral of the others from the middle between two, and what it misses.
inline long double zeta_of(long double s, long double q) {
  long double sum = 0;
  for (int k = 1000; k-- > 0;) sum += std::pow(q + k, -s);
  const long double z = q + 999.5L;
  const long double missed = s * std::pow(z, -s - 1) / 24 - 7 * s * (s + 1) * (s + 2) * std::pow(z, -s - 3) / 5760;
  return sum + std::pow(z, 1 - s) / (s - 1) - missed;
}

}  // namespace special
