// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <string_view>

/// New arrays from numbers, copies, conversion.
namespace newtape::core {

/// `value` everywhere. For an integer dtype: DTypeError naming `op` unless it is an integer, ValueError
/// beyond the range of the dtype.
Array full(const Shape& shape, double value, DType dtype, std::string_view op = "full");
/// A 0-dimensional array. Allowed in recorded (fused) functions, like full_like and unlike full.
Array number(double value, DType dtype);
/// `value` everywhere, with the shape and dtype of x.
Array full_like(const Array& x, double value);
/// full with 0, and with 1.
Array zeros(const Shape& shape, DType dtype);
Array ones(const Shape& shape, DType dtype);
/// start, start + step, ...; `n` elements, truncated for an integer dtype: ValueError where they are beyond +-2^63.
Array arange(std::int64_t n, DType dtype, double start = 0, double step = 1);
/// Ones on the diagonal of a matrix, zeros elsewhere; with one size it is square.
Array eye(std::int64_t rows, std::int64_t columns, DType dtype);
inline Array eye(std::int64_t n, DType dtype) { return core::eye(n, n, dtype); }
/// A contiguous copy.
Array copy(const Array& x);
/// `x` itself if contiguous, else a contiguous copy.
Array contiguous(Array x);
/// Conversion as NumPy's `astype`: to a float it rounds to nearest even, floats to integers truncate, integers wrap modulo
/// 2^bits (NaN, infinity and floats beyond 2^63 give the lower bits of -2^63, on every machine; to u64 floats up to 2^64
/// are kept), anything to boolean is `!= 0`. Returns `x` if the dtype matches.
Array cast(Array x, DType dtype);
/// dst[...] = src, broadcast; dtypes must match. Writes the memory of `dst`, which may be a view.
void assign(Array& dst, const Array& src);

}  // namespace newtape::core
