// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>

/// Elementwise functions. Operands broadcast by NumPy's rules; two operands must have one dtype (DTypeError names
/// both). Arguments come by value: one that is moved in and `reusable()` gives its memory to the result.
namespace newtape::core {

// --- one operand; f32 and f64 (neg, abs, sign, square and those to whole numbers also i64) ---
Array neg(Array x);
Array abs(Array x);
Array sign(Array x);
Array square(Array x);
Array sqrt(Array x);
Array rsqrt(Array x);
Array reciprocal(Array x);
Array floor(Array x);
Array ceil(Array x);
Array round(Array x);  ///< halves to even
Array trunc(Array x);
Array exp(Array x);
Array expm1(Array x);
Array exp2(Array x);
Array log(Array x);
Array log1p(Array x);
Array log2(Array x);
Array log10(Array x);
Array cbrt(Array x);
Array sin(Array x);
Array cos(Array x);
Array tan(Array x);
Array asin(Array x);
Array acos(Array x);
Array atan(Array x);
Array sinh(Array x);
Array cosh(Array x);
Array tanh(Array x);
Array asinh(Array x);
Array acosh(Array x);
Array atanh(Array x);

// --- two operands; f32, f64, i64 (div, pow, atan2, hypot: floats only) ---
Array add(Array a, Array b);
Array sub(Array a, Array b);
Array mul(Array a, Array b);
Array div(Array a, Array b);
Array maximum(Array a, Array b);       ///< NaN wins
Array minimum(Array a, Array b);       ///< NaN wins
Array fmod(Array a, Array b);          ///< with the sign of a; ValueError when an integer b is 0, as the next two
Array remainder(Array a, Array b);     ///< with the sign of b
Array floor_divide(Array a, Array b);  ///< floor(a / b)
Array pow(Array a, Array b);
Array atan2(Array a, Array b);
Array hypot(Array a, Array b);               ///< sqrt(a^2 + b^2) without overflow
Array clip(Array x, Array low, Array high);  ///< min(max(x, low), high)
Array tanh_grad(Array g, Array y);           ///< g (1 - y^2): the pullback in one pass

// --- comparisons and questions, of any one dtype; the result is boolean ---
Array equal(const Array& a, const Array& b);
Array not_equal(const Array& a, const Array& b);
Array less(const Array& a, const Array& b);
Array less_equal(const Array& a, const Array& b);
Array greater(const Array& a, const Array& b);
Array greater_equal(const Array& a, const Array& b);
Array isfinite(const Array& x);
Array isinf(const Array& x);
Array isnan(const Array& x);

// --- logic: operands of any dtype count as true unless 0; bit by bit: i64 and boolean ---
Array logical_and(Array a, Array b);
Array logical_or(Array a, Array b);
Array logical_xor(Array a, Array b);
Array logical_not(Array x);
Array bitwise_and(Array a, Array b);
Array bitwise_or(Array a, Array b);
Array bitwise_xor(Array a, Array b);
Array bitwise_not(Array x);

/// a where `condition` (boolean) holds, b elsewhere; all three broadcast.
Array where(const Array& condition, Array a, Array b);

// --- making, copying, converting ---
Array full(const Shape& shape, double value, DType dtype);
/// An array without axes. (Unlike full, it may be made where an elementwise function is traced; so may full_like.)
Array number(double value, DType dtype);
/// Of x's shape and dtype.
Array full_like(const Array& x, double value);
Array zeros(const Shape& shape, DType dtype);
Array ones(const Shape& shape, DType dtype);
/// start, start + step, ...: `n` of them.
Array arange(std::int64_t n, DType dtype, double start = 0, double step = 1);
Array eye(std::int64_t n, DType dtype);
/// A contiguous copy.
Array copy(const Array& x);
/// `x` itself when it is contiguous, else a contiguous copy.
Array contiguous(Array x);
/// Converts; f64 to f32 rounds, floats to i64 truncate, anything to boolean is `!= 0`. `x` itself when it already fits.
Array cast(Array x, DType dtype);
/// dst[...] = src, broadcast and of dst's dtype; `dst` may be a view (the memory is written).
void assign(Array& dst, const Array& src);

}  // namespace newtape::core
