// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>

/// Discrete Fourier transforms along the last axis, of f32 and f64. Complex arrays have a last axis of 2, real and
/// imaginary parts, beside their own. Lengths whose prime factors are at most 31 by mixed radices (Stockham 1966),
/// others by a convolution (Bluestein 1970): of order n log n for any n. The error is of order eps log n.
namespace newtape::core {

/// scale sum_j exp(-+ 2 pi i j k / n) z_j, with + if `inverse`: [.., n, 2] -> [.., n, 2], n >= 1.
Array fft(const Array& z, bool inverse = false, double scale = 1);
/// The first n / 2 + 1 coefficients of real data, from which the others follow by symmetry: [.., n] -> [.., n / 2 + 1, 2].
/// Those that have no conjugate (the first; for even n the last as well) are multiplied by `ends`, for adjoints.
Array rfft(const Array& x, double scale = 1, double ends = 1);
/// scale sum_k exp(2 pi i j k / n) z_k over all n coefficients, of which z holds the first n / 2 + 1 and the others are
/// their conjugates: [.., n / 2 + 1, 2] -> [.., n]. Imaginary parts of coefficients that are real do not count; those
/// coefficients count `ends` times.
Array irfft(const Array& z, std::int64_t n, double scale = 1, double ends = 1);

}  // namespace newtape::core
