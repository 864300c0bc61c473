// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Sums and products of elements.
/// Operands broadcast by NumPy's rules and must have the same dtype (DTypeError names both). Functions of one or two floats
/// convert i64 and booleans to f32; those of three do not. Storage dtypes are compared and selected by `where`; all else is
/// a DTypeError. Arguments are passed by value: the result reuses the memory of one that is moved in and `reusable()`.
namespace newtape::core {

// --- f32, f64, i64 (div: floats only) ---
Array neg(Array x);                         ///< -x
Array add(ArrayOperand a, ArrayOperand b);  ///< a + b; integers wrap around
Array sub(ArrayOperand a, ArrayOperand b);  ///< a - b; integers wrap around
Array mul(ArrayOperand a, ArrayOperand b);  ///< a b; integers wrap around
Array div(Array a, Array b);                ///< a / b

// --- floats; products with a cotangent g that is exactly 0 are 0, also where the other factor is infinite or NaN ---
Array strong_mul(ArrayOperand g, ArrayOperand d);                 ///< g d
Array strong_div(Array g, Array d);                               ///< g / d
Array add_strong_mul(Array sum, ArrayOperand d, ArrayOperand g);  ///< sum + g d
Array cotangent_mul(Array g, Array h);                            ///< 0 where either is 0

}  // namespace newtape::core
