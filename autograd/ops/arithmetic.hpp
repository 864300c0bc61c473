// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Arithmetic and comparisons. Operands broadcast.
namespace newtape {

Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);  ///< elementwise; for the matrix product see matmul
Tensor operator/(In a, In b);
Tensor operator-(In x);
Tensor pow(In a, In b);  ///< a^b; the derivative in b wants a > 0 (at a = 0, b > 0 it is 0)
Tensor square(In x);
Tensor abs(In x);            ///< derivative 0 at 0
Tensor sign(In x);           ///< -1, 0 or 1; constant, without derivative
Tensor maximum(In a, In b);  ///< equal operands share the gradient
Tensor minimum(In a, In b);
Tensor clip(In x, In low, In high);  ///< gradient 1 within the bounds, both included
/// `a` where `condition` (boolean) holds, else `b`. What is not chosen gets gradient 0.
Tensor where(const Tensor& condition, In a, In b);

// --- comparisons: boolean constants ---
Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);

}  // namespace newtape
