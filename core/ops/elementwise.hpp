// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>

/// Elementwise functions. Operands broadcast by NumPy's rules and must have the same dtype (DTypeError names both).
/// Functions of floats convert i64 and booleans to f32. Storage dtypes are compared and selected by `where`; all else is
/// a DTypeError.
/// Arguments are passed by value: the result reuses the memory of one that is moved in and `reusable()`.
namespace newtape::core {

// --- unary; f32 and f64 (neg, abs, sign, square and rounding also i64) ---
Array neg(Array x);
Array abs(Array x);
Array sign(Array x);
Array square(Array x);
Array sqrt(Array x);
Array rsqrt(Array x);
Array reciprocal(Array x);
Array floor(Array x);
Array ceil(Array x);
Array round(Array x);  ///< ties to even
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

// --- binary; f32, f64, i64 (div, pow, atan2, hypot: floats only) ---
Array add(ArrayOperand a, ArrayOperand b);
Array sub(ArrayOperand a, ArrayOperand b);
Array mul(ArrayOperand a, ArrayOperand b);
Array div(Array a, Array b);
Array maximum(Array a, Array b);       ///< NaN propagates
Array minimum(Array a, Array b);       ///< NaN propagates
Array fmod(Array a, Array b);          ///< sign of a; ValueError if an integer b is 0, also for the next two
Array remainder(Array a, Array b);     ///< sign of b
Array floor_divide(Array a, Array b);  ///< floor(a / b)
Array pow(Array a, Array b);
Array atan2(Array a, Array b);
Array hypot(Array a, Array b);               ///< sqrt(a^2 + b^2) without overflow
Array clip(Array x, Array low, Array high);  ///< min(max(x, low), high)

// --- floats; products with a cotangent g that is exactly 0 are 0, also where the other factor is infinite or NaN ---
Array strong_mul(ArrayOperand g, ArrayOperand d);
Array strong_div(Array g, Array d);
Array add_strong_mul(Array sum, ArrayOperand d, ArrayOperand g);  ///< sum + g d
Array cotangent_mul(Array g, Array h);                            ///< 0 where either is 0
Array tanh_grad(Array g, Array x);                                ///< g sech(x)^2: the pullback of tanh in one pass

// --- floats; derivatives of functions above, without cancellation ---
Array asin_slope(Array x);            ///< 1 / sqrt((1 - x) (1 + x))
Array hypot_slope(Array a, Array b);  ///< a / hypot(a, b) with its limits at infinity, 0 at (0, 0)

// --- comparisons and predicates, of any one dtype; boolean result ---
Array equal(const Array& a, const Array& b);
Array not_equal(const Array& a, const Array& b);
Array less(const Array& a, const Array& b);
Array less_equal(const Array& a, const Array& b);
Array greater(const Array& a, const Array& b);
Array greater_equal(const Array& a, const Array& b);
Array isfinite(const Array& x);
Array isinf(const Array& x);
Array isnan(const Array& x);

// --- logical: nonzero elements of any dtype are true; bitwise: i64 and boolean ---
Array logical_and(Array a, Array b);
Array logical_or(Array a, Array b);
Array logical_xor(Array a, Array b);
Array logical_not(Array x);
Array bitwise_and(Array a, Array b);
Array bitwise_or(Array a, Array b);
Array bitwise_xor(Array a, Array b);
Array bitwise_not(Array x);

/// a where `condition` (boolean) is true, b elsewhere; all three broadcast.
Array where(const Array& condition, Array a, Array b);

}  // namespace newtape::core
