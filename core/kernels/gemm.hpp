// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Matrix products of floats. Strides are in elements; those of a and b may be any.
namespace newtape::core::kernels {

/// c = init + a b for `members` products: a [n, k], b [k, m], c [n, m] whose columns stand side by side. `init` is null
/// (zero), c itself, or a row of m (`init_row` 0). An element's sum runs over k in one order that depends on k alone.
template <class T>
struct Gemm {
  std::int64_t n, m, k;
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t b_row, b_column;
  T* c;
  std::int64_t c_row;
  const T* init;
  std::int64_t init_row;
  T* scratch;                                          ///< GemmTable::scratch(job) elements, aligned to 64 bytes
  std::int64_t members, a_member, b_member, c_member;  ///< init moves on with c when it is c
};

template <class T>
struct GemmTable {
  std::int64_t rows, columns;  ///< of the block of c that is kept in registers
  std::int64_t (*scratch)(const Gemm<T>&);
  void (*multiply)(const Gemm<T>&);
};

struct GemmTables {
  GemmTable<float> f32;
  GemmTable<double> f64;
  static const GemmTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
