// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {

// Integers wrap around as in NumPy; computed unsigned, where overflow is defined.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<std::int64_t> {
  using type = std::uint64_t;
};
template <class T>
NEWTAPE_INLINE typename Wrapping<T>::type wrap(T x) {
  return static_cast<typename Wrapping<T>::type>(x);
}
template <class T>
NEWTAPE_INLINE T wrapping_add(T a, T b) {
  return static_cast<T>(wrap(a) + wrap(b));
}
template <class T>
NEWTAPE_INLINE T wrapping_mul(T a, T b) {
  return static_cast<T>(wrap(a) * wrap(b));
}

/// newtape::detail::truncate_to_i64 without a branch. The conversion of numbers that do not fit is undefined.
template <class T>
NEWTAPE_INLINE std::int64_t truncated(T x) {
  const bool fits = x >= T(-0x1p63) && x < T(0x1p63);
  return static_cast<std::int64_t>(fits ? x : T(-0x1p63));
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
