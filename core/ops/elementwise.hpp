// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>

/// Elementwise functions. Operands broadcast by NumPy's rules and must have the same dtype (DTypeError names both).
/// Functions of one or two floats convert i64 and booleans to f32; those of three (`clip`, `add_strong_mul`) do not.
/// Storage dtypes are compared and selected by `where`; all else is a DTypeError.
/// Arguments are passed by value: the result reuses the memory of one that is moved in and `reusable()`.
namespace newtape::core {

// --- unary; f32 and f64 (neg, abs, sign, square and rounding also i64) ---
Array neg(Array x);         ///< -x
Array abs(Array x);         ///< |x|
Array sign(Array x);        ///< -1, 0 or 1; NaN of NaN
Array square(Array x);      ///< x^2
Array sqrt(Array x);        ///< NaN for x < 0
Array rsqrt(Array x);       ///< 1 / sqrt(x)
Array reciprocal(Array x);  ///< 1 / x
Array floor(Array x);       ///< largest integer <= x
Array ceil(Array x);        ///< smallest integer >= x
Array round(Array x);       ///< ties to even
Array trunc(Array x);       ///< rounded towards 0
Array exp(Array x);         ///< e^x
Array expm1(Array x);       ///< exp(x) - 1, accurate for small x
Array exp2(Array x);        ///< 2^x
Array log(Array x);         ///< natural logarithm; -inf at 0, NaN for x < 0
Array log1p(Array x);       ///< log(1 + x), accurate for small x
Array log2(Array x);        ///< logarithm to base 2
Array log10(Array x);       ///< logarithm to base 10
Array cbrt(Array x);        ///< cube root, also of negative numbers
Array sin(Array x);         ///< sine of radians
Array cos(Array x);         ///< cosine of radians
Array tan(Array x);         ///< tangent of radians
Array asin(Array x);        ///< in [-pi/2, pi/2]; NaN for |x| > 1
Array acos(Array x);        ///< in [0, pi]; NaN for |x| > 1
Array atan(Array x);        ///< in [-pi/2, pi/2]
Array sinh(Array x);        ///< (exp(x) - exp(-x)) / 2
Array cosh(Array x);        ///< (exp(x) + exp(-x)) / 2
Array tanh(Array x);        ///< sinh(x) / cosh(x)
Array asinh(Array x);       ///< inverse of sinh
Array acosh(Array x);       ///< inverse of cosh, >= 0; NaN for x < 1
Array atanh(Array x);       ///< inverse of tanh; NaN for |x| > 1

// --- binary; f32, f64, i64 (div, atan2, hypot: floats only) ---
Array add(ArrayOperand a, ArrayOperand b);   ///< a + b; integers wrap around
Array sub(ArrayOperand a, ArrayOperand b);   ///< a - b; integers wrap around
Array mul(ArrayOperand a, ArrayOperand b);   ///< a b; integers wrap around
Array div(Array a, Array b);                 ///< a / b
Array maximum(Array a, Array b);             ///< NaN propagates
Array minimum(Array a, Array b);             ///< NaN propagates
Array fmod(Array a, Array b);                ///< sign of a; ValueError if an integer b is 0, also for the next two
Array remainder(Array a, Array b);           ///< sign of b
Array floor_divide(Array a, Array b);        ///< floor(a / b)
Array pow(Array a, Array b);                 ///< a^b; integers wrap around, ValueError if an integer b < 0
Array atan2(Array a, Array b);               ///< angle of the point (b, a), in [-pi, pi]
Array hypot(Array a, Array b);               ///< sqrt(a^2 + b^2) without overflow
Array clip(Array x, Array low, Array high);  ///< min(max(x, low), high)

// --- floats; products with a cotangent g that is exactly 0 are 0, also where the other factor is infinite or NaN ---
Array strong_mul(ArrayOperand g, ArrayOperand d);                 ///< g d
Array strong_div(Array g, Array d);                               ///< g / d
Array add_strong_mul(Array sum, ArrayOperand d, ArrayOperand g);  ///< sum + g d
Array cotangent_mul(Array g, Array h);                            ///< 0 where either is 0
Array tanh_grad(Array g, Array x);                                ///< g sech(x)^2: the pullback of tanh in one pass

// --- floats; derivatives of functions above, without cancellation ---
Array asin_slope(Array x);            ///< 1 / sqrt((1 - x) (1 + x))
Array hypot_slope(Array a, Array b);  ///< a / hypot(a, b) with its limits at infinity, 0 at (0, 0)

// --- comparisons of any one dtype, and predicates of f32, f64, i64 and boolean; boolean result ---
Array equal(const Array& a, const Array& b);          ///< a == b; NaN equals nothing
Array not_equal(const Array& a, const Array& b);      ///< a != b
Array less(const Array& a, const Array& b);           ///< a < b
Array less_equal(const Array& a, const Array& b);     ///< a <= b
Array greater(const Array& a, const Array& b);        ///< a > b
Array greater_equal(const Array& a, const Array& b);  ///< a >= b
Array isfinite(const Array& x);                       ///< neither infinite nor NaN
Array isinf(const Array& x);                          ///< infinite, of either sign
Array isnan(const Array& x);                          ///< NaN

// --- logical: nonzero elements of any dtype are true; bitwise: i64 and boolean ---
Array logical_and(Array a, Array b);  ///< both are true
Array logical_or(Array a, Array b);   ///< at least one is true
Array logical_xor(Array a, Array b);  ///< exactly one is true
Array logical_not(Array x);           ///< x is false
Array bitwise_and(Array a, Array b);  ///< bits set in both
Array bitwise_or(Array a, Array b);   ///< bits set in at least one
Array bitwise_xor(Array a, Array b);  ///< bits set in exactly one
Array bitwise_not(Array x);           ///< all bits inverted; of booleans: logical_not

/// a where `condition` (boolean) is true, b elsewhere; all three broadcast.
Array where(const Array& condition, Array a, Array b);

}  // namespace newtape::core
