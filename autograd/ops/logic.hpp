// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Comparisons, predicates and logic. The results are constants, boolean unless stated otherwise.
namespace newtape {

Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);

Tensor isnan(In x);
Tensor isinf(In x);
Tensor isfinite(In x);
/// x with NaN, inf and -inf replaced; the default for inf (-inf) is the dtype's largest (lowest) number. Replaced
/// elements get gradient 0.
Tensor nan_to_num(In x, double nan = 0, std::optional<double> posinf = {}, std::optional<double> neginf = {});

// --- nonzero elements count as true ---
Tensor logical_and(In a, In b);
Tensor logical_or(In a, In b);
Tensor logical_xor(In a, In b);
Tensor logical_not(In x);
inline Tensor operator!(In x) { return logical_not(std::move(x)); }

// --- bitwise, of two booleans or two i64; the result has the operands' dtype ---
Tensor operator&(In a, In b);
Tensor operator|(In a, In b);
Tensor operator^(In a, In b);
Tensor operator~(In x);

}  // namespace newtape
