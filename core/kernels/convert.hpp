// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <cstddef>

/// Conversions from and to storage dtypes, and what moves elements of two bytes.
namespace newtape::core::kernels {

struct ConvertTable {
  Kernel to_f32[9];                       ///< from u8, i8, i16, i32, u16, u32, u64, f16, bf16
  Kernel to_i64[7];                       ///< from the integers among them
  Kernel u64_to_f64;                      //
  Kernel f64_to_u64;                      ///< truncated; wraps below 0
  Kernel from_i64[3];                     ///< the lower 1, 2 and 4 bytes
  Kernel f32_to_half[2], f64_to_half[2];  ///< f16, bf16: rounded to nearest even
  Kernel copy_2_bytes, where_2_bytes;
  static const ConvertTable baseline, avx2, avx512;
};

/// A conversion as a chain of kernels; `via` holds the dtypes of the results of each.
struct Conversion {
  Kernel kernels[3];
  DType via[3];
  int count;
};

/// From and to any two dtypes; from a dtype to itself a copy.
Conversion conversion(DType from, DType to);

/// The entry of `k` for elements of t's size, or `two_bytes`: for kernels that only move bits.
Kernel by_size(const Kernels& k, Kernel two_bytes, DType t) noexcept;

}  // namespace newtape::core::kernels
