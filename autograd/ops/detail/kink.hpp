// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>

/// Second derivatives of lengths r(x) >= 0 (norm, hypot, std, abs) at their kink, r = 0.
///
/// The gradient of f(r) there is 0 by convention. Where f is a smooth even function of r, such as r^2, the second
/// derivative in x exists: with the gradient g d / r, where g = f'(r) and d = 0 at the kink, it is the limit of g / r
/// times dd/dx; when g = 0 that limit is dg/dr (l'Hopital), which a sweep from g to r finds. Elsewhere, and where g
/// depends on anything but this r, it does not exist or cannot be told, and is NaN. Right to the third order, in which
/// such functions have the derivative 0. Not right in the fourth, which is 0 as for r^2: that of r^4 is missing.
namespace newtape::detail {

/// What the second derivative is where the cotangent at the kink is not 0.
enum class AtKink {
  none,  ///< it does not exist: NaN
  flat,  ///< 0, the limit from both sides, as for abs
};

/// The limit of g / r where r = 0, and 0 elsewhere: a constant in the shape of g, which may have leading axes beyond those
/// of r. Undefined when there is no such element, or when gradients are not being recorded.
Tensor slope_at_kink(const Tensor& g, const Tensor& r, AtKink at_kink = AtKink::none);

/// 0, with the derivative `slope` in d: added to the gradient, it makes the second derivative right at the kink. `op`
/// names it where an anomaly is reported.
Tensor zero_with_slope(const Op& op, In d, const Tensor& slope);

}  // namespace newtape::detail
