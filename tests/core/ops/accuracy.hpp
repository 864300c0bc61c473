// SPDX-License-Identifier: BSD-3-Clause
// Errors of a function relative to a long double reference, over samples that cover the range of a dtype.
#pragma once

#include "catch.hpp"

#include <newtape/core/array/array.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace accuracy {

using newtape::Array;
using newtape::dtype_of;

/// Distance in ulps of the rounded reference; infinite if only one value is not finite, or for -0 and 0.
template <class T>
double ulps(T got, long double reference) {
  const T want = static_cast<T>(reference);
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) == std::isnan(want) ? 0 : HUGE_VAL;
  if (got == want) return std::signbit(got) == std::signbit(want) ? 0 : HUGE_VAL;
  if (std::isinf(got) || std::isinf(want)) return HUGE_VAL;
  // Subnormal numbers have few digits; their errors are measured in ulps of the smallest normal number.
  const T size = std::max(std::fabs(want), std::numeric_limits<T>::min());
  const T unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - reference) / unit);
}

template <class T>
std::vector<T> samples(double low, double high) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> v{T(0),
                   T(-0.0),
                   T(1),
                   T(-1),
                   T(0.5),
                   T(-0.5),
                   T(300),
                   T(-300),
                   T(1e4),
                   T(-1e4),
                   Limits::min(),
                   -Limits::min(),
                   Limits::max(),
                   Limits::lowest(),
                   Limits::infinity(),
                   -Limits::infinity(),
                   Limits::quiet_NaN(),
                   Limits::denorm_min(),
                   -Limits::denorm_min()};
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> even(low, high);
  std::uniform_real_distribution<double> exponent(Limits::min_exponent - 10, std::log2(std::max(-low, high) + 1));
  std::uniform_real_distribution<double> moderate(-12, 4);
  for (int i = 0; i < 20000; ++i) {
    v.push_back(static_cast<T>(even(random)));
    for (const double e : {exponent(random), moderate(random)}) {
      v.push_back(static_cast<T>(std::exp2(e)));
      v.push_back(-v.back());
    }
  }
  return v;
}

template <class T>
Array array_of(const std::vector<T>& v) {
  Array x = Array::empty({static_cast<std::int64_t>(v.size())}, dtype_of<T>);
  std::memcpy(x.raw(), v.data(), v.size() * sizeof(T));
  return x;
}

using ScalarReference = long double (*)(long double);
template <class T>
void check_accuracy(const char* name, Array (*f)(Array), ScalarReference reference, double low, double high,
                    double allowed) {
  const auto v = samples<T>(low, high);
  const Array y = f(array_of(v));
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double error = ulps(y.data<T>()[i], reference(static_cast<long double>(v[i])));
    if (error > worst) {
      worst = error;
      at = v[i];
    }
  }
  INFO(name << " of " << (sizeof(T) == 4 ? "f32 " : "f64 ") << static_cast<double>(at));
  CHECK(worst <= allowed);
}

}  // namespace accuracy
