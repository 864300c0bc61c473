// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Parts of fast Fourier transforms in Stockham's order (no bit reversal), on separate real and imaginary parts.
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

/// Kernels of transforms on separate parts. `stride`: elements between numbers of a signal in the parts; pairs are
/// contiguous.
template <class T>
struct FftKernels {
  void (*pass)(const FftPass<T>&);
  /// A block of rows between arrays of which rows are `from_row` and `to_row` elements apart.
  void (*copy_rows)(const T* from, std::int64_t from_row, T* to, std::int64_t to_row, std::int64_t rows,
                    std::int64_t width);
  /// x[i width + q] *= scale w[i w_row + q].
  void (*multiply)(T* real, T* imag, const T* w_real, const T* w_imag, std::int64_t w_row, std::int64_t rows,
                   std::int64_t width, T scale);
  /// real[k stride], imag[k stride] = pairs[2 k], pairs[2 k + 1].
  void (*split)(const T* pairs, T* real, T* imag, std::int64_t stride, std::int64_t n);
  /// pairs[2 k], pairs[2 k + 1] = scale (real, imag)[k stride].
  void (*join)(const T* real, const T* imag, std::int64_t stride, T* pairs, std::int64_t n, T scale);
  /// From the transform z of `half` numbers, whose parts are the elements with even and odd numbers of a real signal,
  /// that signal's coefficients 0 to half: (z_k + conj z_-k) / 2 + w^k (z_k - conj z_-k) / 2i, scaled; the first and the
  /// last times `ends`.
  void (*real_end)(const T* real, const T* imag, std::int64_t stride, const T* w_real, const T* w_imag, T* pairs,
                   std::int64_t half, T scale, T ends);
  /// The reverse, times 2: the transform of `half` numbers from coefficients 0 to half, of which the first and the last
  /// count `ends` times and their imaginary parts not at all.
  void (*real_begin)(const T* pairs, const T* w_real, const T* w_imag, T* real, T* imag, std::int64_t stride,
                     std::int64_t half, T ends);
};

struct FftTable {
  FftKernels<float> f32;
  FftKernels<double> f64;
  static const FftTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
