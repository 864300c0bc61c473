// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "functions.hpp"

// Hyperbolic functions and their inverses for one element, written as in functions.hpp.

namespace newtape::core::kernels::NEWTAPE_ISA {

/// exp(x) / 2 for x >= 0 without premature overflow.
template <class T>
NEWTAPE_INLINE T half_exp(T x) {
  constexpr T highest = Constants<T>::exp_highest + 1;
  return joined(reduce(x > highest ? highest : x), 1);
}

// 1 / 3!, 1 / 5!, ...: the truncation error is negligible for |x| <= 1.
template <class T>
inline constexpr T sinh_tail[] = {static_cast<T>(1.6666666666666666e-01), static_cast<T>(8.3333333333333332e-03),
                                  static_cast<T>(1.9841269841269841e-04), static_cast<T>(2.7557319223985893e-06),
                                  static_cast<T>(2.5052108385441720e-08), static_cast<T>(1.6059043836821613e-10),
                                  static_cast<T>(7.6471637318198164e-13), static_cast<T>(2.8114572543455206e-15),
                                  static_cast<T>(8.2206352466243295e-18)};
template <class T>
NEWTAPE_INLINE T sinh(T x) {
  const T u = magnitude(x);
  const T z = u * u;
  const T h = half_exp(u);
  const T y = u < 1 ? u + (u * z) * polynomial(sinh_tail<T>, z) : h - T(0.25) / h;
  return with_sign_of(y, x);
}
template <class T>
NEWTAPE_INLINE T cosh(T x) {
  const T h = half_exp(magnitude(x));
  return h + T(0.25) / h;
}

/// Beyond this, x^2 + 1 rounds to x^2.
template <class T>
inline constexpr T one_vanishes = sizeof(T) == 4 ? static_cast<T>(0x1p13) : static_cast<T>(0x1p28);
template <class T>
inline constexpr T ln2 = static_cast<T>(0.69314718055994530942);

template <class T>
NEWTAPE_INLINE T asinh(T x) {
  const T u = magnitude(x);
  const T z = u * u;
  const bool large = u > one_vanishes<T>;
  return with_sign_of(log1p(large ? u - 1 : u + z / (1 + root(1 + z))) + (large ? ln2<T> : 0), x);
}
template <class T>
NEWTAPE_INLINE T acosh(T x) {
  const T t = x - 1;
  const bool large = x > one_vanishes<T>;
  const T y = log1p(large ? t : t + root(t * (x + 1))) + (large ? ln2<T> : 0);
  return x < 1 ? static_cast<T>(__builtin_nan("")) : y;
}
template <class T>
NEWTAPE_INLINE T atanh(T x) {
  const T u = magnitude(x);
  return with_sign_of(T(0.5) * log1p(2 * u / (1 - u)), x);
}

/// x - tanh(x) = (x - 1) + 2 / (1 + exp(2 x)) for x > 0; near 0, to avoid cancellation, (x - tanh(x)) / x^3 as a
/// polynomial in x^2.
template <class T>
struct TanhTail;
template <>
struct TanhTail<float> {
  static constexpr float of[] = {0.3333333327193315F,   -0.1333332261117183F,  0.05396516773197359F,
                                 -0.02183578140107645F, 0.008684716990247879F, -0.003089926394565096F,
                                 0.0006965330334160416F};
};
template <>
struct TanhTail<double> {
  static constexpr double of[] = {0.33333333333333333276,    -0.13333333333333293323,    0.053968253968207598513,
                                  -0.021869488534033451375,  0.0088632354791053638239,   -0.0035921273057713371473,
                                  0.0014558275482916570137,  -0.00058998376820811334092, 0.00023893326736872919035,
                                  -9.6289533164274865404e-5, 3.7848643166759976639e-5,   -1.3601729022897116312e-5,
                                  3.8335892945015437772e-6,  -5.985399672039162803e-7};
};
template <class T>
NEWTAPE_INLINE T tanhshrink(T x) {
  const T u = magnitude(x);
  const T z = u * u;
  const T y = u < T(0.75) ? (u * z) * polynomial(TanhTail<T>::of, z) : (u - 1) + 2 / (1 + exp(2 * u));
  return with_sign_of(y, x);
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
