// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/fft.hpp>

/// Fourier transforms along several axes, and of signals with real spectra; complex arrays as in fft.hpp.
namespace newtape::fft {

/// Options of fftn, ifftn, rfftn and irfftn.
struct FftnOptions {
  Dims n = {};     ///< length along each of the axes in ascending order, as FftOptions::n; empty: their own
  Axes axes = {};  ///< of the complex array; default: all, or with `n` the last ones
  Norm norm = Norm::backward;
};
/// Transforms along several axes, one after the other. ValueError unless there is one length for each axis.
Tensor fftn(In z, const FftnOptions& options = {});
Tensor ifftn(In z, const FftnOptions& options = {});
/// fftn of real numbers: the last of the axes has n / 2 + 1 coefficients, as of rfft.
Tensor rfftn(In x, const FftnOptions& options = {});
/// The inverse; an odd length of the last axis must be given.
Tensor irfftn(In z, const FftnOptions& options = {});

/// The real transform of a signal whose second half is the conjugate of the first (Hermitian): n real numbers of n / 2 + 1
/// complex ones. [.., m, 2] -> [.., n]; an odd n must be given.
Tensor hfft(In z, const FftOptions& options = {});
/// The inverse: [.., n] -> [.., n / 2 + 1, 2].
Tensor ihfft(In x, const FftOptions& options = {});

}  // namespace newtape::fft
