// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Mathematical functions of elements; f32 and f64 (square and pow also i64).
/// Broadcasting, dtypes and memory reuse as in <newtape/core/ops/arithmetic.hpp>.
namespace newtape::core {

Array square(Array x);          ///< x^2
Array sqrt(Array x);            ///< NaN for x < 0
Array rsqrt(Array x);           ///< 1 / sqrt(x)
Array reciprocal(Array x);      ///< 1 / x
Array cbrt(Array x);            ///< cube root, also of negative numbers
Array pow(Array a, Array b);    ///< a^b; integers wrap around, ValueError if an integer b < 0
Array hypot(Array a, Array b);  ///< sqrt(a^2 + b^2) without overflow

Array exp(Array x);    ///< e^x
Array expm1(Array x);  ///< exp(x) - 1, accurate for small x
Array exp2(Array x);   ///< 2^x
Array log(Array x);    ///< natural logarithm; -inf at 0, NaN for x < 0
Array log1p(Array x);  ///< log(1 + x), accurate for small x
Array log2(Array x);   ///< logarithm to base 2
Array log10(Array x);  ///< logarithm to base 10

Array sin(Array x);             ///< sine of radians
Array cos(Array x);             ///< cosine of radians
Array tan(Array x);             ///< tangent of radians
Array asin(Array x);            ///< in [-pi/2, pi/2]; NaN for |x| > 1
Array acos(Array x);            ///< in [0, pi]; NaN for |x| > 1
Array atan(Array x);            ///< in [-pi/2, pi/2]
Array atan2(Array a, Array b);  ///< angle of the point (b, a), in [-pi, pi]

Array sinh(Array x);   ///< (exp(x) - exp(-x)) / 2
Array cosh(Array x);   ///< (exp(x) + exp(-x)) / 2
Array tanh(Array x);   ///< sinh(x) / cosh(x)
Array asinh(Array x);  ///< inverse of sinh
Array acosh(Array x);  ///< inverse of cosh, >= 0; NaN for x < 1
Array atanh(Array x);  ///< inverse of tanh; NaN for |x| > 1

// --- derivatives of functions above, without cancellation ---
Array tanh_grad(Array g, Array x);    ///< g sech(x)^2: the pullback of tanh in one pass
Array asin_slope(Array x);            ///< 1 / sqrt((1 - x) (1 + x))
Array hypot_slope(Array a, Array b);  ///< a / hypot(a, b) with its limits at infinity, 0 at (0, 0)

}  // namespace newtape::core
