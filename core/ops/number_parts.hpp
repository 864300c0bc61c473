// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Signs, exponents and neighbours of floating-point numbers, and divisors of integers. Operands broadcast.
namespace newtape::core {

Array signbit(const Array& x);                    ///< boolean: the sign of floats, also of -0 and NaN
Array exponent(const Array& x);                   ///< i64: the e with 2^(e-1) <= |x| < 2^e; 0 of 0, inf and NaN
Array ldexp(const Array& x, const Array& e);      ///< x 2^e for floats x and i64 e, rounded once
Array nextafter(const Array& a, const Array& b);  ///< the number next to a in the direction of b; floats
Array gcd(const Array& a, const Array& b);        ///< of i64, not negative; gcd(0, 0) = 0
Array lcm(const Array& a, const Array& b);        ///< of i64, not negative; 0 where an operand is 0

}  // namespace newtape::core
