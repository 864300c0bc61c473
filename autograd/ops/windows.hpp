// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Windows of n weights for spectra, [n]. ValueError unless n >= 1, DTypeError unless the dtype is f32 or f64. Hann's
/// alone is in fft.hpp.
namespace newtape::fft {

/// Options of windows.
struct WindowOptions {
  bool periodic = true;  ///< the first n of n + 1 symmetric weights, for spectra; else n symmetric ones, for filters
  DType dtype = f32;
};
/// 1 / 2 - cos(2 pi i / n) / 2, or for symmetric ones n - 1 in the place of n, as below.
Tensor hann_window(std::int64_t n, const WindowOptions& options, SourceLocation location = SourceLocation::current());
/// 0.54 - 0.46 cos(2 pi i / n).
Tensor hamming_window(std::int64_t n, const WindowOptions& options = {},
                      SourceLocation location = SourceLocation::current());
/// 0.42 - cos(2 pi i / n) / 2 + 0.08 cos(4 pi i / n).
Tensor blackman_window(std::int64_t n, const WindowOptions& options = {},
                       SourceLocation location = SourceLocation::current());
/// The triangle 1 - |2 i / n - 1|.
Tensor bartlett_window(std::int64_t n, const WindowOptions& options = {},
                       SourceLocation location = SourceLocation::current());
/// I0(beta sqrt(1 - (2 i / n - 1)^2)) / I0(beta) (Kaiser & Schafer 1980). ValueError for a negative or infinite beta.
Tensor kaiser_window(std::int64_t n, double beta = 12, const WindowOptions& options = {},
                     SourceLocation location = SourceLocation::current());

}  // namespace newtape::fft
