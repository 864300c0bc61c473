// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "vectors.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Vectors of which only the first few elements are in memory: nothing beyond them is read or written.

namespace newtape::core::kernels::NEWTAPE_ISA {

#if defined(__AVX512F__)
template <class T>
struct Part {
  std::uint64_t mask;
  NEWTAPE_INLINE Part of(std::int64_t n) { return {(std::uint64_t{1} << n) - 1}; }
};
NEWTAPE_INLINE void load_part(const Part<float>& p, const float* x, Vector<float>& v) {
  v = _mm512_maskz_loadu_ps(static_cast<__mmask16>(p.mask), x);
}
NEWTAPE_INLINE void load_part(const Part<double>& p, const double* x, Vector<double>& v) {
  v = _mm512_maskz_loadu_pd(static_cast<__mmask8>(p.mask), x);
}
NEWTAPE_INLINE void store_part(const Part<float>& p, float* x, const Vector<float>& v) {
  _mm512_mask_storeu_ps(x, static_cast<__mmask16>(p.mask), v);
}
NEWTAPE_INLINE void store_part(const Part<double>& p, double* x, const Vector<double>& v) {
  _mm512_mask_storeu_pd(x, static_cast<__mmask8>(p.mask), v);
}
#elif defined(__AVX2__)
template <class T>
struct Part {
  __m256i mask;
  NEWTAPE_INLINE Part of(std::int64_t n) {
    if constexpr (sizeof(T) == 4) {
      return {_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
    } else {
      return {_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3))};
    }
  }
};
NEWTAPE_INLINE void load_part(const Part<float>& p, const float* x, Vector<float>& v) {
  v = _mm256_maskload_ps(x, p.mask);
}
NEWTAPE_INLINE void load_part(const Part<double>& p, const double* x, Vector<double>& v) {
  v = _mm256_maskload_pd(x, p.mask);
}
NEWTAPE_INLINE void store_part(const Part<float>& p, float* x, const Vector<float>& v) {
  _mm256_maskstore_ps(x, p.mask, v);
}
NEWTAPE_INLINE void store_part(const Part<double>& p, double* x, const Vector<double>& v) {
  _mm256_maskstore_pd(x, p.mask, v);
}
#else
template <class T>
struct Part {
  std::int64_t n;
  NEWTAPE_INLINE Part of(std::int64_t count) { return {count}; }
};
template <class T>
NEWTAPE_INLINE void load_part(const Part<T>& p, const T* x, Vector<T>& v) {
  v = Vector<T>{};
  for (std::int64_t l = 0; l < lanes<T>; ++l) {
    if (l < p.n) v[l] = x[l];
  }
}
template <class T>
NEWTAPE_INLINE void store_part(const Part<T>& p, T* x, const Vector<T>& v) {
  for (std::int64_t l = 0; l < lanes<T>; ++l) {
    if (l < p.n) x[l] = v[l];
  }
}
#endif

}  // namespace newtape::core::kernels::NEWTAPE_ISA
