// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>

/// Arithmetic. Operands broadcast. Where their dtypes differ, integers and booleans are converted to the other's float
/// dtype, booleans to the other's integers; DTypeError for f32 with f64. A number takes the dtype of the other operand.
namespace newtape {

/// Elementwise; i64 wraps around.
Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);  ///< elementwise; for the matrix product see matmul
Tensor operator/(In a, In b);  ///< elementwise; of i64: f32
Tensor operator-(In x);

/// `a = a + b` and so on: rebinds `a`; values saved by the tape do not change.
inline Tensor& operator+=(Tensor& a, const In& b) { return a = In(a, b.location()) + b; }
inline Tensor& operator-=(Tensor& a, const In& b) { return a = In(a, b.location()) - b; }
inline Tensor& operator*=(Tensor& a, const In& b) { return a = In(a, b.location()) * b; }
inline Tensor& operator/=(Tensor& a, const In& b) { return a = In(a, b.location()) / b; }

/// a^b; the derivative in b needs a > 0 (it is 0 at a = 0, b > 0). Of i64: i64, which wraps around; ValueError for b < 0.
Tensor pow(In a, In b);
Tensor square(In x);                 ///< x^2
Tensor reciprocal(In x);             ///< 1 / x
Tensor abs(In x);                    ///< derivative 0 at 0; square(abs(x)) and its kin have the right second derivative
Tensor hypot(In a, In b);            ///< sqrt(a^2 + b^2) without overflow; derivatives at (0, 0) as those of norm
Tensor maximum(In a, In b);          ///< equal operands share the gradient
Tensor minimum(In a, In b);          ///< equal operands share the gradient
Tensor fmax(In a, In b);             ///< maximum, but where one operand is NaN, the other
Tensor fmin(In a, In b);             ///< minimum, but where one operand is NaN, the other
Tensor clip(In x, In low, In high);  ///< gradient 1 within the bounds, inclusive
Tensor clip(In x, In low);           ///< a lower bound only
Tensor clip(In x, std::nullopt_t, In high);  ///< an upper bound only
/// PyTorch's names of clip.
inline Tensor clamp(In x, In low, In high) { return clip(std::move(x), std::move(low), std::move(high)); }
inline Tensor clamp(In x, In low) { return clip(std::move(x), std::move(low)); }
inline Tensor clamp(In x, std::nullopt_t, In high) { return clip(std::move(x), std::nullopt, std::move(high)); }
inline Tensor clamp_min(In x, In low) { return clip(std::move(x), std::move(low)); }
inline Tensor clamp_max(In x, In high) { return clip(std::move(x), std::nullopt, std::move(high)); }
Tensor lerp(In start, In end, In weight);            ///< start + weight (end - start)
Tensor addcmul(In x, In a, In b, double value = 1);  ///< x + value a b
Tensor addcdiv(In x, In a, In b, double value = 1);  ///< x + value a / b
Tensor deg2rad(In x);                                ///< x pi / 180
Tensor rad2deg(In x);                                ///< x 180 / pi
/// `a` where `condition` (boolean) is true, else `b`. Elements not selected get gradient 0.
Tensor where(const Tensor& condition, In a, In b);

// --- division with a remainder; ValueError when an integer divisor is 0 ---
Tensor remainder(In a, In b);  ///< a - b floor(a / b), with the sign of b, as Python's %
Tensor fmod(In a, In b);       ///< a - b trunc(a / b), with the sign of a, as C's fmod
/// floor(a / b), as Python's //. The results of this and the following functions are constants, as their derivative is
/// 0 wherever it exists: a gradient through them alone is an error.
Tensor floor_divide(In a, In b);
Tensor sign(In x);   ///< -1, 0 or 1
Tensor floor(In x);  ///< the largest integer <= x, in the dtype of x
Tensor ceil(In x);   ///< the smallest integer >= x, in the dtype of x
Tensor round(In x);  ///< halves to even
/// To so many digits after the point, or for -1, -2, ... to tens, hundreds, ...; of i64 exact, and wrapping around where
/// the result has no i64.
Tensor round(In x, int decimals);
Tensor trunc(In x);  ///< without the digits after the point: towards 0

}  // namespace newtape
