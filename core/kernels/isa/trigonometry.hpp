// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "functions.hpp"

// Trigonometric functions and their inverses for one element, written as in functions.hpp.

namespace newtape::core::kernels::NEWTAPE_ISA {

/// Largest |x| for which sin and cos are valid: multiples of the leading parts of pi/2 below are exact.
inline constexpr double sin_cos_highest = 0x1p19;

/// Argument reduction x = k pi/2 + r with |r| <= pi/4: the low bits of k, sin(r) and cos(r), to the precision of the
/// result type `Wanted`. Polynomials for double and the parts of pi/2: fdlibm.
struct ReducedAngle {
  std::uint64_t k;
  double sine, cosine;
};
template <class Wanted>
NEWTAPE_INLINE ReducedAngle reduce_angle(double x) {
  const double shifted = x * 0.63661977236758134308 + Constants<double>::shifter;
  const double k = shifted - Constants<double>::shifter;
  double s = 0;
  double c = 0;
  if constexpr (sizeof(Wanted) == 4) {
    constexpr double sine[] = {-0.1666666666383276448, 0.008333331865959414043, -0.0001984008201276553655,
                               2.724931405469880475e-6};
    constexpr double cosine[] = {0.04166666666430240589, -0.001388888766471361966, 0.0000248005964356219968,
                                 -2.730044861948835488e-7};
    const double r = (x - k * 1.57079632673412561417e+00) - k * 6.07710050650619224932e-11;
    const double z = r * r;
    s = r * (1 + z * polynomial(sine, z));  // preserves the sign of zero
    c = 1 - 0.5 * z + z * z * polynomial(cosine, z);
  } else {
    constexpr double sine[] = {8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                               -2.50507602534068634195e-08, 1.58969099521155010221e-10};
    constexpr double cosine[] = {4.16666666666666019037e-02,  -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                                 -2.75573143513906633035e-07, 2.08757232129817482790e-09,  -1.13596475577881948265e-11};
    const double a = x - k * 1.57079632673412561417e+00;
    const double b = k * 6.07710050630396597660e-11;
    const double d = a - b;
    const double w = k * 2.02226624879595063154e-21 - ((a - d) - b);
    const double r = d - w;
    const double low = (d - r) - w;
    const double z = r * r;
    const double cube = z * r;
    s = r - ((z * (0.5 * low - cube * polynomial(sine, z)) - low) - cube * -1.66666666666666324348e-01);
    const double half = 0.5 * z;
    const double first = 1 - half;
    c = first + (((1 - first) - half) + (z * z * polynomial(cosine, z) - r * low));
  }
  return {bits(shifted) - bits(Constants<double>::shifter), s, c};
}
/// sin(x + quarter pi/2)
template <class Wanted>
NEWTAPE_INLINE Wanted sin_shifted(double x, std::uint64_t quarter) {
  const ReducedAngle v = reduce_angle<Wanted>(x);
  const std::uint64_t quadrant = v.k + quarter;
  const double y = (quadrant & 1) != 0 ? v.cosine : v.sine;
  return static_cast<Wanted>(from_bits<double>(bits(y) ^ ((quadrant & 2) << 62)));
}
template <class Wanted>
NEWTAPE_INLINE Wanted tan(double x) {
  const ReducedAngle v = reduce_angle<Wanted>(x);
  const bool odd = (v.k & 1) != 0;
  const double y = (odd ? v.cosine : v.sine) / (odd ? v.sine : v.cosine);
  return static_cast<Wanted>(odd ? -y : y);
}

template <class T>
struct Circle;
template <>
struct Circle<float> {
  // pi/4, pi/2 and pi, and their rounding errors
  static constexpr float quarter = 0.785398185253143310546875F, half = 1.57079637050628662109375F,
                         whole = 3.1415927410125732421875F;
  static constexpr float quarter_low = -2.1855695000931e-08F, half_low = -4.3711390001862e-08F,
                         whole_low = -8.7422780003725e-08F;
  // (atan(r) / r - 1) / r^2 and (asin(r) / r - 1) / r^2, in r^2
  static constexpr float atan_tail[] = {-0.3333333176116118F, 0.1999954048196227F, -0.1426395553954543F,
                                        0.1074373085914947F, -0.06451926114689662F};
  static constexpr float asin_tail[] = {0.1666666633743091F,  0.07500094543497423F, 0.04459940152851218F,
                                        0.03110066273549457F, 0.01714923835767725F, 0.03369084720283012F};
};
template <>
struct Circle<double> {
  static constexpr double quarter = 7.85398163397448279e-01, half = 1.57079632679489656e+00,
                          whole = 3.14159265358979312e+00;
  static constexpr double quarter_low = 3.06161699786838302e-17, half_low = 6.12323399573676604e-17,
                          whole_low = 1.22464679914735321e-16;
  static constexpr double atan_tail[] = {-0.3333333333333333016,   0.19999999999995520637,   -0.14285714284666534304,
                                         0.11111111015255668508,   -0.090909045780957349208, 0.076921831901717284121,
                                         -0.066645114381646448357, 0.058581488327312729465,  -0.050854493189300349167,
                                         0.039231646190551487845,  -0.019176872294336066637};
  static constexpr double asin_tail[] = {0.16666666666666667827,   0.074999999999984329332, 0.044642857146355429783,
                                         0.030381944138531247287,  0.022372172942149887875, 0.017352392720869972942,
                                         0.013971212973552933304,  0.011479177415184905896, 0.010322814350185779287,
                                         0.0054575067186403583004, 0.017400879442694022443, -0.014851887071247203224,
                                         0.028757851367421564708};
};

/// atan(num / den) for num, den >= 0, not both 0 nor both infinite. Above tan(pi/8) and tan(3 pi/8), the angle is
/// computed relative to pi/4 and pi/2.
template <class T>
NEWTAPE_INLINE T atan_of_ratio(T num, T den) {
  using C = Circle<T>;
  const bool middle = num > den * static_cast<T>(0.41421356237309503);
  const bool far = num > den * static_cast<T>(2.4142135623730949);
  const T r = (far ? -den : middle ? num - den : num) / (far ? num : middle ? num + den : den);
  const T z = r * r;
  const T tail = (r * z) * polynomial(C::atan_tail, z) + (far ? C::half_low : middle ? C::quarter_low : 0);
  return (far ? C::half : middle ? C::quarter : 0) + (r + tail);
}
template <class T>
NEWTAPE_INLINE T atan(T x) {
  return with_sign_of(atan_of_ratio(magnitude(x), T(1)), x);
}
/// Polar angle of the point (x, y). Special values as in C.
template <class T>
NEWTAPE_INLINE T atan2(T y, T x) {
  using C = Circle<T>;
  const T u = magnitude(y);
  const T v = magnitude(x);
  const T sum = u + v;
  const bool equal = u == v;  // both may be zero or infinite
  // First-quadrant angle, reflected for negative x (including -0).
  T angle = equal ? (u == 0 ? T(0) : C::quarter) : atan_of_ratio(u, v);
  angle = (bits(x) >> (8 * sizeof(T) - 1)) != 0 ? C::whole - (angle - C::whole_low) : angle;
  return sum != sum ? sum : with_sign_of(angle, y);
}

/// For asin and acos: asin(s) = s + s tail, where s is |x| up to 1/2 and sqrt((1 - |x|) / 2) above; s = high + low is
/// used only above. As in fdlibm.
template <class T>
struct ArcParts {
  bool beyond;
  T s, tail, high, low;
};
template <class T>
NEWTAPE_INLINE ArcParts<T> arc_parts(T x) {
  const T u = magnitude(x);
  const bool beyond = u > T(0.5);
  const T z = beyond ? (1 - u) * T(0.5) : u * u;
  const T s = beyond ? root(z) : u;
  const T high = high_part(s);
  return {beyond, s, z * polynomial(Circle<T>::asin_tail, z), high, s > 0 ? (z - high * high) / (s + high) : 0};
}
template <class T>
NEWTAPE_INLINE T asin(T x) {
  using C = Circle<T>;
  const ArcParts<T> v = arc_parts(x);
  const T beyond = C::quarter - ((2 * v.s * v.tail - (C::half_low - 2 * v.low)) - (C::quarter - 2 * v.high));
  return with_sign_of(v.beyond ? beyond : v.s + v.s * v.tail, x);
}
template <class T>
NEWTAPE_INLINE T acos(T x) {
  using C = Circle<T>;
  const ArcParts<T> v = arc_parts(x);
  const T inner = C::half - (x - (C::half_low - x * v.tail));
  const T right = 2 * (v.high + (v.s * v.tail + v.low));
  const T left = C::whole - 2 * (v.s + (v.s * v.tail - C::half_low));
  return v.beyond ? (x < 0 ? left : right) : inner;
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
