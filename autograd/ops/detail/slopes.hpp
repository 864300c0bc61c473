// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Local derivatives as operations of their own: sums in their place, as 1 - tanh(x)^2, would cancel, in a derivative or
/// in one of higher order. Their rules are products.
namespace newtape::detail {

Tensor tanh_grad(In g, In x);          ///< g sech(x)^2, the pullback of tanh; 0 where g is 0
Tensor sigmoid_grad(In g, In x);       ///< g s(x) s(-x), the pullback of the sigmoid s; 0 where g is 0
Tensor asin_slope(In x);               ///< 1 / sqrt(1 - x^2)
Tensor hypot_slope(In a, In b);        ///< a / hypot(a, b) with its limits at infinity, 0 at (0, 0)
Tensor gaussian(In x, double factor);  ///< exp(-factor x^2); factor >= 1/2
/// hypot(a, b), and 1 at (0, 0), where it has a kink.
Tensor nonzero_hypot(const Tensor& a, const Tensor& b);

}  // namespace newtape::detail
