// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of max pooling. NaN propagates.
namespace newtape::core::kernels {

template <class T>
struct MaxPoolTable {
  /// y[j] = max(y[j], x[j]).
  void (*join)(const T* x, std::int64_t n, T* y);
  /// y[j] = max over k < count[j] of x[first[j] + k step].
  void (*runs)(const T* x, const std::int64_t* first, const std::int64_t* count, std::int64_t step, std::int64_t n,
               T* y);
  /// y[r][j] = max of x[2r][2j], x[2r][2j + 1], x[2r + 1][2j], x[2r + 1][2j + 1]. Row stride of x: `width`; `scratch`
  /// holds 2 rows columns elements.
  void (*squares)(const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns, T* scratch, T* y);
  /// Gradient: g[r][j] is assigned to the first of the four elements that equals y[r][j] (or is NaN), 0 to the others.
  /// `out` has the layout of x; `scratch` holds 4 rows columns elements.
  void (*squares_grad)(const T* g, const T* y, const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns,
                       T* scratch, T* out);
  /// As `squares`, of max(x, 0) if `rectified`. place[r][j] tells which of the four elements, counted along rows, is
  /// y[r][j]: the first that equals it (or is NaN).
  void (*squares_placed)(const T* x, std::int64_t width, std::int64_t rows, std::int64_t columns, bool rectified, T* y,
                         std::uint8_t* place);
  /// As `squares_grad`, from these places.
  void (*squares_placed_grad)(const T* g, const std::uint8_t* place, std::int64_t width, std::int64_t rows,
                              std::int64_t columns, T* out);
};

struct MaxPoolTables {
  MaxPoolTable<float> f32;
  MaxPoolTable<double> f64;
  static const MaxPoolTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
