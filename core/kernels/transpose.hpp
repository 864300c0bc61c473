// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Matrix transpose.
namespace newtape::core::kernels {

/// dst[r * dst_stride + c] = src[c * src_stride + r]; strides in elements.
using Transpose = void (*)(const void* src, std::int64_t src_stride, void* dst, std::int64_t dst_stride,
                           std::int64_t rows, std::int64_t columns);
struct TransposeTable {
  Transpose of_4_bytes, of_8_bytes;
  static const TransposeTable baseline, avx2, avx512;

  /// For elements of `item` bytes, 4 or 8.
  [[gnu::always_inline]] Transpose of(std::int64_t item) const { return item == 4 ? of_4_bytes : of_8_bytes; }
};

}  // namespace newtape::core::kernels
