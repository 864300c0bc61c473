// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "functions.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {

/// A function and its derivative.
template <class T>
struct ValueSlope {
  T value, slope;
};

/// tanh(x) and tanh_slope(x), with their bits: both reduce the same argument, but where tanh is 1.
template <class T>
NEWTAPE_INLINE ValueSlope<T> tanh_pair(T x) {
  using C = Constants<T>;
  T t = -2 * magnitude(x);
  t = t < C::exp_lowest ? C::exp_lowest : t;
  const Reduced<T> v = reduce(t);
  const T s = power_of_two<T>(v.shifted);
  const T e = s * v.expm1_r;
  const bool near_zero = t > T(-1.2);
  const T quotient = (near_zero ? (1 - s) - e : 2 * (s + e)) / ((1 + s) + e);
  const T y = t < C::expm1_lowest ? T(1) : magnitude(near_zero ? quotient : 1 - quotient);
  const T small = joined(v);
  const T larger = 1 / (1 + small);
  return {with_sign_of(y, x), 4 * (larger * (small * larger))};
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
