// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <array>
#include <cstdint>

/// Discrete Fourier transforms of f32 and f64, of any length, in batches, differentiable to any order.
///
/// A complex array is a float tensor with a last axis of length 2, real and imaginary parts, as PyTorch's view_as_real:
/// its derivatives are those of these real numbers. Axes count those of the complex array, without that one: -1 is the
/// last axis of n complex numbers [.., n, 2] as of n real ones [.., n]. ShapeError for an empty axis, and where complex
/// numbers are expected and the last axis is not of length 2; DTypeError unless floats.
namespace newtape::fft {

/// Where the factor 1 / n is: in the inverse transform, as 1 / sqrt(n) in both, or in the forward transform.
enum class Norm { backward, ortho, forward };

/// Options of fft, ifft, rfft and irfft.
struct FftOptions {
  std::int64_t n = 0;  ///< length along the axis, which is cut or padded with zeros; 0: its own (irfft: 2 (m - 1))
  std::int64_t axis = -1;
  Norm norm = Norm::backward;
};

/// sum_j exp(-2 pi i j k / n) z_j: [.., n, 2] -> [.., n, 2].
Tensor fft(In z, const FftOptions& options = {});
/// 1 / n sum_k exp(2 pi i j k / n) z_k.
Tensor ifft(In z, const FftOptions& options = {});
/// fft of real numbers, whose coefficients are symmetric: the first n / 2 + 1 of them. [.., n] -> [.., n / 2 + 1, 2].
Tensor rfft(In x, const FftOptions& options = {});
/// The inverse: [.., m, 2] -> [.., n]. An odd n must be given. Imaginary parts of coefficients that are real in a
/// transform of real numbers (the first, and for even n the last) do not count.
Tensor irfft(In z, const FftOptions& options = {});

/// Options of fft2, ifft2, rfft2 and irfft2.
struct Fft2Options {
  std::array<std::int64_t, 2> axes{-2, -1};
  std::int64_t n = 0;  ///< irfft2: length along the last of the axes; 0: 2 (m - 1)
  Norm norm = Norm::backward;
};
/// Transforms along two axes: images.
Tensor fft2(In z, const Fft2Options& options = {});
Tensor ifft2(In z, const Fft2Options& options = {});
Tensor rfft2(In x, const Fft2Options& options = {});  ///< the last of the axes has n / 2 + 1 coefficients
Tensor irfft2(In z, const Fft2Options& options = {});

// --- frequencies ---

/// The frequencies of fft's coefficients for n samples at distance d, in cycles per unit of d: 0, 1, .., -1 over n d.
Tensor fftfreq(std::int64_t n, double d = 1, DType dtype = f32, SourceLocation location = SourceLocation::current());
/// Those of rfft: 0, 1, .., n / 2 over n d.
Tensor rfftfreq(std::int64_t n, double d = 1, DType dtype = f32, SourceLocation location = SourceLocation::current());
/// Moves frequency 0 to the middle, along axes of the tensor (of a complex one, -2 is the last of its own), and back.
Tensor fftshift(In x, const Axes& axes = -1);
Tensor ifftshift(In x, const Axes& axes = -1);
/// The least length from n on that has no prime factors but 2, 3 and 5: the fastest.
std::int64_t next_fast_len(std::int64_t n, SourceLocation location = SourceLocation::current());

// --- complex numbers ---

Tensor complex(In real, In imag);  ///< [..], [..] -> [.., 2]
Tensor polar(In abs, In angle);    ///< abs (cos(angle) + i sin(angle))
Tensor real(In z);                 ///< [.., 2] -> [..]
Tensor imag(In z);                 ///< [.., 2] -> [..]
Tensor abs(In z);                  ///< sqrt(real^2 + imag^2) without overflow [..]; derivative at 0 as hypot
Tensor angle(In z);                ///< in (-pi, pi] [..]
Tensor conj(In z);                 ///< real - i imag
Tensor multiply(In a, In b);       ///< complex product; broadcasts

// --- convolution, spectrograms ---

/// Which part of a convolution is kept, as in SciPy.
enum class ConvolveMode { full, same, valid };
/// Options of fftconvolve.
struct FftconvolveOptions {
  ConvolveMode mode = ConvolveMode::full;  ///< of length n + m - 1; the middle n of these; or only whole overlaps
  std::int64_t axis = -1;
};
/// sum_j a_j b_(i - j) along an axis, of real a and b whose other axes broadcast, by transforms: faster than conv1d for
/// long b. Errors are of order eps |a| |b|.
Tensor fftconvolve(In a, In b, const FftconvolveOptions& options = {});

/// Options of stft and istft, named as PyTorch's.
struct StftOptions {
  std::int64_t n_fft = 0;       ///< length of a frame
  std::int64_t hop_length = 0;  ///< from one frame to the next; 0: n_fft / 4
  Tensor window = {};           ///< [n], n <= n_fft, padded in the middle of zeros; undefined: ones
  bool center = true;           ///< frames are centred at multiples of hop_length, the signal mirrored at its ends
  bool normalized = false;      ///< divides by sqrt(n_fft)
  std::int64_t length = 0;      ///< istft: of the signal; 0: as long as the frames reach
};
/// Transforms of overlapping frames of a real signal: [.., t] -> [.., n_fft / 2 + 1, frames, 2]. ValueError for options
/// out of range; ShapeError for a signal shorter than a frame, or with `center` than n_fft / 2 + 1.
Tensor stft(In x, const StftOptions& options);
/// The signal of which z is the stft, by least squares (Griffin and Lim 1984): [.., n_fft / 2 + 1, frames, 2] -> [.., t].
/// ValueError where the windows leave out a sample.
Tensor istft(In z, const StftOptions& options);

/// Hann's window 1 / 2 - cos(2 pi i / n) / 2, which sums to a constant at hops of n / 2, n / 4 and so on.
/// ValueError unless n >= 1, DTypeError unless the dtype is f32 or f64.
Tensor hann_window(std::int64_t n, DType dtype = f32, SourceLocation location = SourceLocation::current());

}  // namespace newtape::fft
