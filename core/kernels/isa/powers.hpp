// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "functions.hpp"

// Powers, roots and logarithms to other bases of one element, written as in functions.hpp.

namespace newtape::core::kernels::NEWTAPE_ISA {

template <class T>
NEWTAPE_INLINE T exp2(T x) {
  using C = Constants<T>;
  constexpr T highest = sizeof(T) == 4 ? 130 : 1030;
  constexpr T lowest = sizeof(T) == 4 ? -155 : -1080;
  x = x > highest ? highest : x;
  x = x < lowest ? lowest : x;
  const T shifted = x + C::shifter;
  const T k = shifted - C::shifter;
  const T r = (x - k) * static_cast<T>(0.69314718055994530942);
  return joined(Reduced<T>{k, r + (r * r) * polynomial(C::expm1_tail, r), bits(shifted)});
}

/// 1 / ln b and log_b 2 for a logarithm to base b, each split into a high part with few digits and a low part.
template <class T>
struct Base {
  T scale_high, scale_low, two_high, two_low;
};
/// As in FreeBSD's log10: products with the high parts are exact.
template <class T>
NEWTAPE_INLINE T log_to_base(T x, const Base<T>& b) {
  const LogParts<T> v = log_parts(x);
  const T high = high_part(v.f - v.half_square);
  const T low = ((v.f - high) - v.half_square) + v.tail;
  const T first = high * b.scale_high;
  const T second = v.k * b.two_high;
  const T sum = second + first;
  const T remainder = v.k * b.two_low + (low + high) * b.scale_low + low * b.scale_high;
  T y = (remainder + ((second - sum) + first)) + sum;
  y = x == infinity<T> ? x : y;
  return x > 0 ? y : x == 0 ? -infinity<T> : static_cast<T>(__builtin_nan(""));
}
NEWTAPE_INLINE float log2(float x) { return log_to_base(x, {1.4423828125F, 0.000312228389F, 1, 0}); }
NEWTAPE_INLINE double log2(double x) { return log_to_base(x, {1.4426950216293334961, 1.9259629911266175e-8, 1, 0}); }
NEWTAPE_INLINE float log10(float x) {
  return log_to_base(x, {0.4342041015625F, 9.038034075e-5F, 0.301025390625F, 4.605038981e-6F});
}
NEWTAPE_INLINE double log10(double x) {
  return log_to_base(x,
                     {0.43429447710514068604, 4.7981111416159727e-9, 0.30102999508380889893, 5.8017229628795764e-10});
}

NEWTAPE_INLINE double cbrt_of_positive(double x) { return exp(log_sum(x, 0.0) * (1.0 / 3)); }
NEWTAPE_INLINE float cbrt(float x) {
  const double u = magnitude(static_cast<double>(x));
  const double y = cbrt_of_positive(u);
  return with_sign_of(static_cast<float>(u > 0 && u < infinity<double> ? y : u), x);
}
NEWTAPE_INLINE double cbrt(double x) {
  const double u = magnitude(x);
  // One Newton step, except near the ends of the range, where the cube overflows or underflows.
  const bool small = u < 0x1p-900;
  const bool large = u > 0x1p900;
  const double v = u * (small ? 0x1p300 : large ? 0x1p-300 : 1.0);
  double y = cbrt_of_positive(v);
  y -= (y * y * y - v) / (3 * (y * y));
  y *= small ? 0x1p-100 : large ? 0x1p100 : 1.0;
  return with_sign_of(u > 0 && u < infinity<double> ? y : u, x);
}

/// Special values as in C: infinite if either operand is infinite, even if the other is NaN.
NEWTAPE_INLINE float hypot(float a, float b) {
  const double u = a;
  const double v = b;
  const bool infinite = magnitude(a) == infinity<float> || magnitude(b) == infinity<float>;
  return infinite ? infinity<float> : static_cast<float>(root(u * u + v * v));
}
NEWTAPE_INLINE double hypot(double a, double b) {
  const double u = magnitude(a);
  const double v = magnitude(b);
  const double larger = u < v ? v : u;
  const double ratio = (u < v ? u : v) / larger;
  // sqrt(1 + r^2) = 1 + r^2 / (1 + sqrt(1 + r^2)); only the second term is rounded.
  const double z = ratio * ratio;
  const double y = larger == 0 ? u + v : larger + larger * (z / (1 + root(1 + z)));
  return u == infinity<double> || v == infinity<double> ? infinity<double> : y;
}

/// a / hypot(a, b), the derivative of hypot in a: without overflow, with its limits at infinity, 0 at (0, 0).
template <class T>
NEWTAPE_INLINE T hypot_slope(T a, T b) {
  const T u = magnitude(a);
  const T v = magnitude(b);
  const T larger = u < v ? v : u;
  const T ratio = u == v ? T(1) : (u < v ? u : v) / larger;
  const T cosine = 1 / root(1 + ratio * ratio);
  const T y = u < v ? ratio * cosine : cosine;
  return with_sign_of(u + v == 0 ? T(0) : y, a);
}

/// pow in double, accurate to all digits of a float: error at most 2^-45. Special values as in C.
NEWTAPE_INLINE float pow_float(float base, float exponent) {
  const double a = base;
  const double b = exponent;
  const double u = magnitude(a);
  const double l = u == 0 ? -infinity<double> : u == infinity<double> ? u : log_sum(u, 0.0);
  double y = exp(b * l);
  y = u == 1 ? 1 : y;
  const double rounded = (b + Constants<double>::shifter) - Constants<double>::shifter;
  const double half = 0.5 * b;
  const double half_rounded = (half + Constants<double>::shifter) - Constants<double>::shifter;
  const bool large = magnitude(b) >= 0x1p24;  // an even integer
  const bool integer = large | (rounded == b);
  const bool odd = !large & integer & (half_rounded != half);
  y = a < 0 && u != infinity<double> && !integer ? __builtin_nan("") : y;
  y = odd ? from_bits<double>(bits(y) | (bits(a) & (std::uint64_t{1} << 63))) : y;
  y = a != a || b != b ? a + b : y;
  return static_cast<float>(b == 0 || a == 1 ? 1 : y);
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
