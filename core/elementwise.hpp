// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array.hpp>

#include <cstdint>

/// Elementwise functions. Operands broadcast by NumPy's rules; two operands must have one dtype (DTypeError names
/// both). Arguments come by value: one that is moved in and `reusable()` gives its memory to the result.
namespace newtape::core {

// --- one operand; f32 and f64 (neg, abs, square and relu also i64) ---
Array neg(Array x);
Array abs(Array x);
Array sign(Array x);
Array square(Array x);
Array sqrt(Array x);
Array rsqrt(Array x);
Array reciprocal(Array x);
Array exp(Array x);
Array expm1(Array x);
Array log(Array x);
Array log1p(Array x);
Array sin(Array x);
Array cos(Array x);
Array tanh(Array x);
Array sigmoid(Array x);
Array softplus(Array x);  ///< log(1 + exp(x)) without overflow
Array relu(Array x);      ///< NaN stays NaN
Array gelu(Array x);      ///< x Phi(x), with erf
Array erf(Array x);
Array floor(Array x);

// --- two operands; f32, f64, i64 (div, pow: floats only) ---
Array add(Array a, Array b);
Array sub(Array a, Array b);
Array mul(Array a, Array b);
Array div(Array a, Array b);
Array pow(Array a, Array b);
Array maximum(Array a, Array b);  ///< NaN wins
Array minimum(Array a, Array b);  ///< NaN wins

// --- fused first-order pullbacks: one pass instead of three ---
Array tanh_grad(Array g, Array y);      ///< g (1 - y^2)
Array sigmoid_grad(Array g, Array y);   ///< g y (1 - y)
Array relu_grad(Array g, Array y);      ///< g where y > 0, else 0
Array softplus_grad(Array g, Array x);  ///< g sigmoid(x)
Array gelu_grad(Array g, Array x);      ///< g (Phi(x) + x phi(x))

// --- comparisons (any one dtype) and logic (boolean); the result is boolean ---
Array equal(const Array& a, const Array& b);
Array not_equal(const Array& a, const Array& b);
Array less(const Array& a, const Array& b);
Array less_equal(const Array& a, const Array& b);
Array greater(const Array& a, const Array& b);
Array greater_equal(const Array& a, const Array& b);
Array logical_and(const Array& a, const Array& b);
Array logical_or(const Array& a, const Array& b);
Array logical_not(const Array& x);
Array isfinite(const Array& x);

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
