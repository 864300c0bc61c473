// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of convolutions. They read images through tables of offsets, which cover strides, dilations and any
/// number of axes.
namespace newtape::core::kernels {

/// out[j][l] = init[l] + sum over s of a[s][l] x[steps[s] + columns[j]], where l runs over `vectors` (1 or 2) vectors.
/// Without `init`, the sum is added to `out`.
template <class T>
struct ConvPanel {
  const T* a;
  std::int64_t vectors;
  const T* x;
  const std::int64_t* steps;
  std::int64_t step_count;
  const std::int64_t* columns;
  std::int64_t column_count;
  const T* init;
  T* out;
};

/// out[r][i] = init + sum over s of w[s] x[steps[s] + rows[r] + i], i < n. Reads up to one vector past each row.
template <class T>
struct ConvRows {
  const T* w;
  const T* x;
  const std::int64_t* steps;
  std::int64_t step_count;
  const std::int64_t* rows;
  std::int64_t row_count;
  std::int64_t n;
  T init;
  T* out;
};

/// out[j] += sum over r and i of y[r][i] x[columns[j] + rows[r] + i], i < n. Reads up to one vector beyond the end of
/// rows of x.
template <class T>
struct ConvDots {
  const T* y;
  const T* x;
  const std::int64_t* rows;
  std::int64_t row_count;
  std::int64_t n;
  const std::int64_t* columns;
  std::int64_t column_count;
  T* out;
};

template <class T>
struct ConvTable {
  std::int64_t lanes;    ///< elements per vector
  std::int64_t columns;  ///< maximum columns per panel
  void (*panel)(const ConvPanel<T>&);
  void (*rows)(const ConvRows<T>&);
  void (*dots)(const ConvDots<T>&);
};

struct ConvTables {
  ConvTable<float> f32;
  ConvTable<double> f64;
  static const ConvTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
