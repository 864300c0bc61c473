// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {

/// Selection on bit patterns, so that one kernel serves all types of one size.
template <class T>
static void where(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* c = static_cast<const std::uint8_t*>(in[0]);
  const auto* a = static_cast<const T*>(in[1]);
  const auto* b = static_cast<const T*>(in[2]);
  auto* y = static_cast<T*>(out);
  if ((scalars & 1) != 0) {
    const bool first = *c != 0;
    const T* from = first ? a : b;
    if ((scalars & (first ? 2U : 4U)) != 0) {
      const T s = *from;
      for (std::int64_t i = 0; i < n; ++i) y[i] = s;
    } else if (from != y) {
      __builtin_memcpy(out, from, static_cast<std::size_t>(n) * sizeof(T));
    }
  } else if (scalars == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const T u = a[i];
      const T v = b[i];
      y[i] = c[i] != 0 ? u : v;
    }
  } else if (scalars == 2) {
    const T u = *a;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const T v = b[i];
      y[i] = c[i] != 0 ? u : v;
    }
  } else if (scalars == 4) {
    const T v = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const T u = a[i];
      y[i] = c[i] != 0 ? u : v;
    }
  } else {
    const T u = *a;
    const T v = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = c[i] != 0 ? u : v;
  }
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
