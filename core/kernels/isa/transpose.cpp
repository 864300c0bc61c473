// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/transpose.hpp>

#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

// Compiler vector types: shuffles compile to the best instructions of every instruction set.
using Eight = std::uint32_t __attribute__((vector_size(32)));
using Four = std::uint64_t __attribute__((vector_size(32)));

template <class V, class T>
NEWTAPE_INLINE void load(const T* p, V& v) {
  __builtin_memcpy(&v, p, sizeof(V));
}
template <class V, class T>
NEWTAPE_INLINE void store(T* p, const V& v) {
  __builtin_memcpy(p, &v, sizeof(V));
}

/// Transposes an 8 x 8 block.
NEWTAPE_INLINE void block(const std::uint32_t* src, std::int64_t src_stride, std::uint32_t* dst,
                          std::int64_t dst_stride) {
  Eight c[8];
  Eight d[8];
  for (int i = 0; i < 8; ++i) load(src + i * src_stride, c[i]);
  for (int i = 0; i < 8; i += 2) {
    d[i] = __builtin_shufflevector(c[i], c[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    d[i + 1] = __builtin_shufflevector(c[i], c[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    c[i] = __builtin_shufflevector(d[i], d[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    c[i + 1] = __builtin_shufflevector(d[i], d[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    c[i + 2] = __builtin_shufflevector(d[i + 1], d[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    c[i + 3] = __builtin_shufflevector(d[i + 1], d[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; ++i) {
    store(dst + i * dst_stride, __builtin_shufflevector(c[i], c[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    store(dst + (i + 4) * dst_stride, __builtin_shufflevector(c[i], c[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}

NEWTAPE_INLINE void block(const std::uint64_t* src, std::int64_t src_stride, std::uint64_t* dst,
                          std::int64_t dst_stride) {
  Four c[4];
  Four d[4];
  for (int i = 0; i < 4; ++i) load(src + i * src_stride, c[i]);
  for (int i = 0; i < 4; i += 2) {
    d[i] = __builtin_shufflevector(c[i], c[i + 1], 0, 4, 2, 6);
    d[i + 1] = __builtin_shufflevector(c[i], c[i + 1], 1, 5, 3, 7);
  }
  for (int i = 0; i < 2; ++i) {
    store(dst + i * dst_stride, __builtin_shufflevector(d[i], d[i + 2], 0, 1, 4, 5));
    store(dst + (i + 2) * dst_stride, __builtin_shufflevector(d[i], d[i + 2], 2, 3, 6, 7));
  }
}

template <class T>
void transpose(const void* from, std::int64_t src_stride, void* to, std::int64_t dst_stride, std::int64_t rows,
               std::int64_t columns) {
  constexpr std::int64_t side = 32 / static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t ahead = 32;
  const auto* src = static_cast<const T*>(from);
  auto* dst = static_cast<T*>(to);
  const std::int64_t whole_rows = rows / side * side;
  const std::int64_t whole_columns = columns / side * side;
  // Innermost loop down the columns: these elements share cache lines.
  for (std::int64_t c = 0; c < whole_columns; c += side) {
    // Explicit prefetch: the stride between columns is too large for the hardware prefetcher.
    for (std::int64_t i = ahead; i < ahead + side && c + i < columns; ++i)
      __builtin_prefetch(src + (c + i) * src_stride);
    for (std::int64_t r = 0; r < whole_rows; r += side) {
      block(src + c * src_stride + r, src_stride, dst + r * dst_stride + c, dst_stride);
    }
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t first = c < whole_columns ? whole_rows : 0;
    for (std::int64_t r = first; r < rows; ++r) dst[r * dst_stride + c] = src[c * src_stride + r];
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const TransposeTable TransposeTable::NEWTAPE_ISA{NEWTAPE_ISA::transpose<std::uint32_t>,
                                                           NEWTAPE_ISA::transpose<std::uint64_t>};
}
