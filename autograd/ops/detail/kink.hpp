// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>

/// Higher derivatives of lengths r(x) >= 0 (norm, hypot, std, abs) at their kink, r = 0.
///
/// The gradient of f(r) is g d / r, where g = f'(r), and d, which is 0 at the kink, are the elements that r is the length of.
/// It is 0 there by convention. Where f is a smooth even function of r, such as r^2, the gradient is s(r) d with the even
/// function s = g / r, and all derivatives exist. When g = 0, s is dg/dr at the kink (l'Hopital), which a recorded sweep
/// from g to r finds; the second derivative of s there is a third of that of dg/dr. With both, derivatives up to the fourth
/// order are right, mixed ones with variables that f depends on beside r as well. Beyond, those that would need more of
/// the Taylor series of g than that are NaN. So are the second where g is not 0, or depends to first order on anything but
/// this r, as f has none then; the third where s is not even, as for r^3; and the fourth where s depends on other elements
/// of r, for which the factor of a third does not hold.
namespace newtape::detail {

/// What the second derivative is where the cotangent at the kink is not 0.
enum class AtKink {
  none,  ///< it does not exist: NaN
  flat,  ///< 0, the limit from both sides, as for abs
};

/// The limit of g / r where r = 0, and 0 elsewhere, in the shape of g, which may have leading axes beyond those of r.
/// Undefined when there is no such element, or when gradients are not being recorded.
Tensor slope_at_kink(const Tensor& g, const Tensor& r, AtKink at_kink = AtKink::none);

/// slope d for d = 0 at the kink, where it is exactly 0: added to the gradient, it makes the higher derivatives right. `op`
/// names it where an anomaly is reported.
Tensor zero_with_slope(const Op& op, In d, const Tensor& slope);

}  // namespace newtape::detail
