// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Elementary functions, of floats.
namespace newtape {

Tensor exp(In x);
Tensor expm1(In x);  ///< exp(x) - 1, accurate for small x
Tensor exp2(In x);
Tensor log(In x);
Tensor log1p(In x);  ///< log(1 + x), accurate for small x
Tensor log2(In x);
Tensor log10(In x);
Tensor sqrt(In x);
Tensor rsqrt(In x);  ///< 1 / sqrt(x)
Tensor cbrt(In x);

Tensor sin(In x);
Tensor cos(In x);
Tensor tan(In x);
Tensor asin(In x);
Tensor acos(In x);
Tensor atan(In x);
Tensor atan2(In y, In x);  ///< the angle of the point (x, y); derivative 0 at (0, 0)

Tensor sinh(In x);
Tensor cosh(In x);
Tensor tanh(In x);
Tensor asinh(In x);
Tensor acosh(In x);
Tensor atanh(In x);

}  // namespace newtape
