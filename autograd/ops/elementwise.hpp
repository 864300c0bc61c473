// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Elementary functions of floats; i64 and booleans are converted to f32. Angles are in radians.
namespace newtape {

Tensor exp(In x);    ///< e^x
Tensor expm1(In x);  ///< exp(x) - 1, accurate for small x
Tensor exp2(In x);   ///< 2^x
Tensor log(In x);    ///< the natural logarithm; -inf at 0, NaN for x < 0
Tensor log1p(In x);  ///< log(1 + x), accurate for small x
Tensor log2(In x);   ///< the logarithm to base 2
Tensor log10(In x);  ///< the logarithm to base 10
Tensor sqrt(In x);   ///< NaN for x < 0; infinite derivative at 0
Tensor rsqrt(In x);  ///< 1 / sqrt(x)
Tensor cbrt(In x);   ///< the cube root, also of negative numbers; infinite derivative at 0

Tensor sin(In x);          ///< sine
Tensor cos(In x);          ///< cosine
Tensor tan(In x);          ///< tangent
Tensor asin(In x);         ///< in [-pi/2, pi/2]; NaN for |x| > 1
Tensor acos(In x);         ///< in [0, pi]; NaN for |x| > 1
Tensor atan(In x);         ///< in [-pi/2, pi/2]
Tensor atan2(In y, In x);  ///< the angle of the point (x, y); derivative 0 at (0, 0)

Tensor sinh(In x);   ///< (exp(x) - exp(-x)) / 2
Tensor cosh(In x);   ///< (exp(x) + exp(-x)) / 2
Tensor tanh(In x);   ///< sinh(x) / cosh(x)
Tensor asinh(In x);  ///< the inverse of sinh
Tensor acosh(In x);  ///< the inverse of cosh, >= 0; NaN for x < 1
Tensor atanh(In x);  ///< the inverse of tanh; infinite at -1 and 1, NaN for |x| > 1

}  // namespace newtape
