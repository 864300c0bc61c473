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

}  // namespace special
