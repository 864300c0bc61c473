// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Comparisons, predicates and logic. The results are constants, boolean unless stated otherwise.
namespace newtape {

/// Elementwise; operands broadcast. Integers and booleans are converted to the other's float dtype; DTypeError for f32
/// with f64. NaN is equal to nothing, itself included.
Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);

Tensor isnan(In x);     ///< false for i64 and booleans; DTypeError for storage dtypes, as isinf and isfinite
Tensor isinf(In x);     ///< of either sign
Tensor isfinite(In x);  ///< neither infinite nor NaN
/// x with NaN, inf and -inf replaced; the default for inf (-inf) is the dtype's largest (lowest) number. Replaced
/// elements get gradient 0.
Tensor nan_to_num(In x, double nan = 0, std::optional<double> posinf = {}, std::optional<double> neginf = {});

// --- nonzero elements, of any dtype, count as true ---
Tensor logical_and(In a, In b);  ///< both are true
Tensor logical_or(In a, In b);   ///< at least one is true
Tensor logical_xor(In a, In b);  ///< exactly one is true
Tensor logical_not(In x);        ///< x is false
/// logical_not.
inline Tensor operator!(In x) { return logical_not(std::move(x)); }

// --- bitwise, of booleans and i64 ---
/// And, or, exclusive or, and not, bit by bit: boolean of booleans, else i64, to which a boolean operand is converted.
/// DTypeError for floats.
Tensor operator&(In a, In b);
Tensor operator|(In a, In b);
Tensor operator^(In a, In b);
Tensor operator~(In x);

}  // namespace newtape
