// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

/// The loops of a Reducer.
namespace newtape::mpi::detail {

/// Whether all n elements are finite, by their exponents: without branches.
template <class T>
bool is_finite_range(const T* x, std::int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = sizeof(T) == 4 ? Bits{0x7F800000U} : static_cast<Bits>(0x7FF0000000000000ULL);
  Bits bad = 0;
  for (std::int64_t i = 0; i < n; ++i) bad |= static_cast<Bits>((std::bit_cast<Bits>(x[i]) & exponent) == exponent);
  return bad == 0;
}

/// to = w x, or to += w x; two roundings in either case, without fused multiply-adds.
template <class T>
void accumulate(T* to, const T* x, T w, std::int64_t n, bool fresh) {
  if (x == nullptr) {
    if (fresh) std::fill(to, to + n, T(0));
    return;
  }
  if (fresh) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = w * x[i];
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const T term = w * x[i];
    to[i] += term;
  }
}

/// out = (a + b) scale.
template <class T>
void add_scaled(T* out, const T* a, const T* b, T scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T sum = a[i] + b[i];
    out[i] = sum * scale;
  }
}

template <class T>
void add_to(T* to, const T* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace newtape::mpi::detail
