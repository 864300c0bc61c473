// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Comparisons, questions and logic. The results are constants, boolean where nothing else is said.
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
/// x with other numbers instead of NaN, inf (the dtype's largest by default) and -inf (its lowest). Differentiable:
/// what was replaced gets gradient 0.
Tensor nan_to_num(In x, double nan = 0, std::optional<double> posinf = {}, std::optional<double> neginf = {});

// --- what is not 0 counts as true ---
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
inline Tensor operator!(const Tensor& x) { return logical_not(x); }

// --- bit by bit, of two booleans or two i64, with a result of that dtype ---
Tensor operator&(In a, In b);
Tensor operator|(In a, In b);
Tensor operator^(In a, In b);
Tensor operator~(const Tensor& x);

}  // namespace newtape
