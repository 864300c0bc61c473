// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Signs, exponents and neighbours of floating-point numbers, and divisors of integers.
namespace newtape {

Tensor signbit(In x);               ///< boolean constant: whether the sign is negative, also of -0 and NaN
Tensor isposinf(In x);              ///< boolean constant: whether x is inf
Tensor isneginf(In x);              ///< boolean constant: whether x is -inf
Tensor copysign(In a, In b);        ///< |a| with the sign of b; differentiable in a, derivative 0 at a = 0
Tensor frac(In x);                  ///< x - trunc(x), with derivative 1
Tensor heaviside(In x, In values);  ///< 0 for x < 0, 1 for x > 0, `values` at 0, in which it is differentiable

/// x 2^e for floats x and integers e, rounded once. Differentiable in x.
Tensor ldexp(In x, In e);
/// The parts of frexp, in the shape of its operand.
struct Frexp {
  Tensor mantissa, exponent;
};
/// x = mantissa 2^exponent with |mantissa| in [1/2, 1), differentiable at a constant exponent (i64); exponent 0 where x is
/// 0, infinite or NaN.
Frexp frexp(In x);
/// The floating-point number next to a in the direction of b; derivative 1 in a and 0 in b.
Tensor nextafter(In a, In b);

/// The greatest common divisor and the least common multiple of i64: constants, not negative; gcd(0, 0) is 0.
Tensor gcd(In a, In b);
Tensor lcm(In a, In b);

}  // namespace newtape
