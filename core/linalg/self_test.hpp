// SPDX-License-Identifier: BSD-3-Clause
// Compares products and triangular solves of BLAS with plain loops, before a core is used. Takes about a millisecond.
#pragma once

namespace newtape::core::blas {

/// The routines under test; matrices are row-major.
template <class T>
struct Routines {
  /// c [n, m] = op(a) op(b) + beta c
  void (*gemm)(bool trans_a, bool trans_b, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c,
               int ldc);
  /// y = op(a) x + beta y, a [rows, columns]
  void (*gemv)(bool trans, int rows, int columns, const T* a, int lda, const T* x, int step, T beta, T* y);
  /// b [m, n] = op(a)^-1 b (left) or b op(a)^-1
  void (*trsm)(bool left, bool upper, bool trans, bool unit, int m, int n, const T* a, int lda, T* b, int ldb);
  T (*dot)(int n, const T* x, const T* y);
};

/// Those of the BLAS that is linked.
template <class T>
Routines<T> blas_routines() noexcept;

/// True if all results are correct within rounding errors and nothing else was written. A routine that causes an
/// illegal instruction or memory access on this thread counts as incorrect.
bool self_test(const Routines<float>& single, const Routines<double>& twice);

extern template Routines<float> blas_routines<float>() noexcept;
extern template Routines<double> blas_routines<double>() noexcept;

}  // namespace newtape::core::blas
