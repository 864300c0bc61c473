// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>

#include <functional>

/// Higher derivatives of lengths r(x) >= 0 (norm, hypot, std, abs) at their kink, r = 0.
///
/// The gradient of f(r) is g d / r, where g = f'(r), and d, which is 0 at the kink, are the elements that r is the length of.
/// It is 0 there by convention. Where f is a smooth even function of r, such as r^2, the gradient is q d with q = g / r, a
/// smooth function of r^2, and all derivatives exist. When g = 0, q and its derivatives by r^2 follow from those of g by r at
/// the kink (l'Hopital), which recorded sweeps from g to r find. With them, derivatives of every order are right, mixed ones
/// with variables that f depends on beside r as well. NaN are the second derivatives where g is not 0, or depends to first
/// order on anything but this r, as f has none then; the third where g is not odd, as for r^3; and the fourth where q depends
/// on other elements of r at their kinks.
namespace newtape::detail {

/// What the second derivative is where the cotangent at the kink is not 0.
enum class AtKink {
  none,  ///< it does not exist: NaN
  flat,  ///< 0, the limit from both sides, as for abs
};

/// r^2 as a smooth function of the operands, in the shape of r, which is called at a kink only. Undefined where r^2 is not
/// smooth: derivatives beyond the second are NaN then.
using Square = std::function<Tensor()>;

/// The limit of g / r where r = 0, and 0 elsewhere, in the shape of g, which may have leading axes beyond those of r.
/// Undefined when there is no such element, or when gradients are not being recorded.
Tensor slope_at_kink(const Tensor& g, const Tensor& r, const Square& square, AtKink at_kink = AtKink::none);

/// slope d for d = 0 at the kink, where it is exactly 0: added to the gradient, it makes the higher derivatives right. `op`
/// names it where an anomaly is reported.
Tensor zero_with_slope(const Op& op, In d, const Tensor& slope);

/// The gradient g / (2 y) of y = sqrt(x). Where y = 0, a recorded g that is the derivative of a smooth even function of y, as
/// of (sqrt(sum x^2))^2, gets the limit, with its derivatives as above. Otherwise, as where it is not recorded, a g of 0 gives 0.
Tensor root_gradient(const Tensor& g, const Tensor& y);

}  // namespace newtape::detail
