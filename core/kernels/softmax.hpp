// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Softmax, log-softmax and logsumexp of contiguous rows; the output may alias the input.
namespace newtape::core::kernels {

/// `scalar`: g holds one number per row, broadcast along it.
template <class T>
struct SoftmaxTable {
  void (*softmax)(const T* x, T* y, std::int64_t rows, std::int64_t n);
  void (*log_softmax)(const T* x, T* y, std::int64_t rows, std::int64_t n);
  void (*logsumexp)(const T* x, T* y, std::int64_t rows, std::int64_t n);
  void (*softmax_grad)(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n);
  void (*log_softmax_grad)(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n);
};

struct SoftmaxTables {
  SoftmaxTable<float> f32;
  SoftmaxTable<double> f64;
  static const SoftmaxTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
