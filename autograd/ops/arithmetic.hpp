// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Arithmetic. Operands broadcast; those of one dtype, or a number and a tensor.
namespace newtape {

Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);  ///< elementwise; for the matrix product see matmul
Tensor operator/(In a, In b);
Tensor operator-(In x);

/// `a = a + b` and so on: the name gets another value, what the tape has saved stays.
inline Tensor& operator+=(Tensor& a, const In& b) { return a = In(a, b.location()) + b; }
inline Tensor& operator-=(Tensor& a, const In& b) { return a = In(a, b.location()) - b; }
inline Tensor& operator*=(Tensor& a, const In& b) { return a = In(a, b.location()) * b; }
inline Tensor& operator/=(Tensor& a, const In& b) { return a = In(a, b.location()) / b; }

Tensor pow(In a, In b);  ///< a^b; the derivative in b wants a > 0 (at a = 0, b > 0 it is 0)
Tensor square(In x);
Tensor reciprocal(In x);     ///< 1 / x
Tensor abs(In x);            ///< derivative 0 at 0
Tensor hypot(In a, In b);    ///< sqrt(a^2 + b^2) without overflow; derivative 0 at (0, 0)
Tensor maximum(In a, In b);  ///< equal operands share the gradient
Tensor minimum(In a, In b);
Tensor clip(In x, In low, In high);        ///< gradient 1 within the bounds, both included
Tensor lerp(In start, In end, In weight);  ///< start + weight (end - start)
/// `a` where `condition` (boolean) holds, else `b`. What is not chosen gets gradient 0.
Tensor where(const Tensor& condition, In a, In b);

// --- division with a remainder; ValueError when an integer divisor is 0 ---
Tensor remainder(In a, In b);  ///< a - b floor(a / b), which has the sign of b, as Python's %
Tensor fmod(In a, In b);       ///< a - b trunc(a / b), which has the sign of a, as C's
/// floor(a / b), as Python's //. A constant, as all that follow: they are flat wherever they have a derivative, so that
/// asking for a gradient through nothing but them is an error.
Tensor floor_divide(In a, In b);
Tensor sign(In x);  ///< -1, 0 or 1
Tensor floor(In x);
Tensor ceil(In x);
Tensor round(In x);  ///< halves to even
Tensor trunc(In x);

}  // namespace newtape
