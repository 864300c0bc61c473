// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of reductions; reduce.cpp maps any layout to one of these.
namespace newtape::core::kernels {

/// Accumulator type: f64 for f32 sums, otherwise the element type.
template <class T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float> {
  using type = double;
};

/// Reduces elements of type T into accumulators of type A. `op` may transform an element first (e.g. square it).
template <class T, class A>
struct Reducer {
  /// acc = acc op x[0] op ... op x[n-1]
  void (*row)(const T* x, std::int64_t n, A* acc);
  /// acc[j] = acc[j] op x[j] op x[stride + j] op ..., for j < columns (at most `tile`)
  void (*columns)(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, A* acc);
};

inline constexpr std::int64_t tile = 1024;    ///< columns reduced together, so that accumulators stay in cache
inline constexpr std::int64_t few_rows = 64;  ///< accumulated in T before they are added to the accumulator

template <class T>
struct ReduceTable {
  Reducer<T, typename AccumulatorOf<T>::type> sum, sum_squares;
  /// out[j] = 0 + x[j] + x[stride + j] + .. for 1 to `few_rows` rows: the bits of sum.columns and an accumulator that is 0.
  void (*sum_few_rows)(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, T* out);
  Reducer<T, T> prod, max, min;
  bool (*all_finite)(const T* x, std::int64_t n);
};

struct ReduceTables {
  ReduceTable<float> f32;
  ReduceTable<double> f64;
  ReduceTable<std::int64_t> i64;
  static const ReduceTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
