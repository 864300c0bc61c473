// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "map.hpp"

// Compiler vector types, for kernels with shuffles or register accumulators that auto-vectorization does not produce.

namespace newtape::core::kernels::NEWTAPE_ISA {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T, int bytes = vector_bytes>
struct VectorOf;
template <>
struct VectorOf<float, 64> {
  using type = float __attribute__((vector_size(64)));
};
template <>
struct VectorOf<float, 32> {
  using type = float __attribute__((vector_size(32)));
};
template <>
struct VectorOf<float, 16> {
  using type = float __attribute__((vector_size(16)));
};
template <>
struct VectorOf<double, 64> {
  using type = double __attribute__((vector_size(64)));
};
template <>
struct VectorOf<double, 32> {
  using type = double __attribute__((vector_size(32)));
};
template <>
struct VectorOf<double, 16> {
  using type = double __attribute__((vector_size(16)));
};

template <class T, int bytes = vector_bytes>
using Vector = typename VectorOf<T, bytes>::type;
template <class T, int bytes = vector_bytes>
inline constexpr std::int64_t lanes = bytes / static_cast<std::int64_t>(sizeof(T));

template <class T, class V>
NEWTAPE_INLINE void load(const T* p, V& v) {
  __builtin_memcpy(&v, p, sizeof(V));
}
template <class T, class V>
NEWTAPE_INLINE void store(T* p, const V& v) {
  __builtin_memcpy(p, &v, sizeof(V));
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
