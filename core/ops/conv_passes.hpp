// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/conv.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/transpose.hpp>
#include <newtape/core/ops/conv_indexing.hpp>

/// What the passes of a convolution share: its values (conv.cpp) and the gradient of its weights (conv_weight.cpp).
namespace newtape::core::detail {

template <class T>
const kernels::ConvTable<T>& conv_table() {
  return kernels::select<kernels::ConvTables, T>();
}

/// Lanes for output channels, in blocks of one or two vectors.
struct Lanes {
  std::int64_t vectors, width, blocks;
  Lanes(std::int64_t channels, std::int64_t vector)
      : vectors(channels > vector ? 2 : 1), width(vectors * vector), blocks((channels + width - 1) / width) {}
};

/// Whether to vectorize over channels (vectors at least a third full) or over pixels.
inline bool along_channels(std::int64_t channels, std::int64_t vector) { return channels * 3 >= vector; }

inline Array scratch(std::int64_t n, DType dtype) { return Array::empty({n}, dtype); }

/// Copies [columns][rows], with the given step between columns, to [rows][columns].
template <class T>
void transpose_block(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows,
                     std::int64_t columns) {
  kernels::select<kernels::TransposeTable>().of(sizeof(T))(from, from_step, to, to_step, rows, columns);
}

/// The gradient [groups out, in, kernel..] of the weights, from images x and the cotangents y of the outputs; `in` and
/// `out` are channels per group. For float and double.
template <class T>
void weight_gradient(const ConvGeometry& g, const T* x, const T* y, std::int64_t images, std::int64_t in,
                     std::int64_t out, T* w);

}  // namespace newtape::core::detail
