// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Normalizes runs of elements to a common mean and variance, with one scale per run or (`_each`) one weight per
/// element.
namespace newtape::core::kernels {

template <class T>
struct NormalizeTable {
  /// out += {sum of d, sum of d^2}, d = x - shift
  void (*sums)(const T* x, std::int64_t n, T shift, double* out);
  /// y = (x - shift) a + b
  void (*apply)(const T* x, T* y, std::int64_t n, T shift, T a, T b);
  /// y = ((x - shift) a + b) weight + bias
  void (*apply_each)(const T* x, T* y, std::int64_t n, T shift, T a, T b, const T* weight, const T* bias);

  /// out += {sum of g, sum of g (x - shift)}
  void (*dots)(const T* g, const T* x, std::int64_t n, T shift, double* out);
  /// The same with g weight in place of g.
  void (*dots_each)(const T* g, const T* x, const T* weight, std::int64_t n, T shift, double* out);
  /// dweight += g ((x - shift) a + b), dbias += g
  void (*gather_each)(const T* g, const T* x, std::int64_t n, T shift, T a, T b, T* dweight, T* dbias);
  /// Gradient: out = a g + b (x - shift) + c
  void (*back)(const T* g, const T* x, T* out, std::int64_t n, T shift, T a, T b, T c);
  void (*back_each)(const T* g, const T* x, const T* weight, T* out, std::int64_t n, T shift, T a, T b, T c);
};

struct NormalizeTables {
  NormalizeTable<float> f32;
  NormalizeTable<double> f64;
  static const NormalizeTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
