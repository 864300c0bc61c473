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

Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// x with NaN, inf and -inf replaced; the default for inf (-inf) is the dtype's largest (lowest) number. Replaced
/// elements get gradient 0.
Tensor nan_to_num(In x, double nan = 0, std::optional<double> posinf = {}, std::optional<double> neginf = {});

// --- nonzero elements count as true ---
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
inline Tensor operator!(const Tensor& x) { return logical_not(x); }

// --- bitwise, of two booleans or two i64; the result has the operands' dtype ---
Tensor operator&(In a, In b);
Tensor operator|(In a, In b);
Tensor operator^(In a, In b);
Tensor operator~(const Tensor& x);

}  // namespace newtape
