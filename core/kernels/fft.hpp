// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// One pass of a fast Fourier transform in Stockham's order (no bit reversal), on separate real and imaginary parts.
namespace newtape::core::kernels {

inline constexpr std::int64_t max_fft_radix = 31;

/// With r the radix, m = length / r and w = exp(-2 pi i / size):
///   out[(p r + j) width + q] = w^(p j skip) sum_k exp(-2 pi i j k / r) in[(p + k m) width + q]
/// for p in [0, m), j in [0, r), q in [0, width): width = skip * lanes, where skip is the product of the radices of the
/// passes before, and lanes the number of transforms side by side. The inverse transform exchanges real and imaginary
/// parts.
template <class T>
struct FftPass {
  const T* in_real;
  const T* in_imag;
  T* out_real;
  T* out_imag;
  const T* w_real;  ///< w^0, ..., w^(size - 1)
  const T* w_imag;
  std::int64_t size, length, skip, width, radix;
};

struct FftTable {
  void (*f32)(const FftPass<float>&);
  void (*f64)(const FftPass<double>&);
  static const FftTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
