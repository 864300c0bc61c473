// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of resampling.
namespace newtape::core::kernels {

template <class T>
struct ResampleTable {
  /// y[j] = sum over i < count of w[i] x[i n + j], j < n.
  void (*rows)(const T* x, const T* w, std::int64_t count, std::int64_t n, T* y);
  /// y[o] = dot product of w[begin[o]..begin[o + 1]) and x[first[o]..), o < outputs.
  void (*runs)(const T* x, const T* w, const std::int64_t* first, const std::int64_t* begin, std::int64_t outputs,
               T* y);
};

struct ResampleTables {
  ResampleTable<float> f32;
  ResampleTable<double> f64;
  static const ResampleTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
