// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Activation functions and their first-order pullbacks, each in one pass; f32 and f64 (relu also i64). Broadcasting
/// and memory reuse as in <newtape/core/ops/elementwise.hpp>.
namespace newtape::core {

Array sigmoid(Array x);           ///< 1 / (1 + exp(-x)) without overflow
Array softplus(Array x);          ///< log(1 + exp(x)) without overflow
Array relu(Array x);              ///< NaN propagates
Array gelu(Array x);              ///< x Phi(x), with erf
Array gelu_tanh(Array x);         ///< x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
Array silu(Array x);              ///< x sigmoid(x)
Array mish(Array x);              ///< x tanh(softplus(x))
Array hardswish(Array x);         ///< x min(max(x + 3, 0), 6) / 6
Array softsign(Array x);          ///< x / (1 + |x|)
Array tanhshrink(Array x);        ///< x - tanh(x)
Array prelu(Array x, Array w);    ///< x where x > 0, else w x
Array elu(Array x, Array alpha);  ///< x where x > 0, else alpha (exp(x) - 1)

Array sigmoid_grad(Array g, Array x);   ///< g sigmoid(x) sigmoid(-x)
Array softplus_grad(Array g, Array x);  ///< g sigmoid(x)
Array relu_grad(Array g, Array y);      ///< g where y > 0, else 0
Array gelu_grad(Array g, Array x);      ///< g (Phi(x) + x phi(x))
/// g (s + x s' (a + 3 b x^2)) with s = sigmoid(u), s' = s (1 - s), u = x (a + b x^2), a = sqrt(8 / pi), b = 0.044715 a.
Array gelu_tanh_grad(Array g, Array x);
Array silu_grad(Array g, Array x);              ///< g s (1 + x (1 - s)), s = sigmoid(x)
Array mish_grad(Array g, Array x);              ///< g (t + x s (1 - t^2)), t = tanh(softplus(x))
Array hardswish_grad(Array g, Array x);         ///< 0, g (2 x + 3) / 6 for -3 < x < 3, g
Array prelu_grad(Array g, Array x, Array w);    ///< g where x > 0, else g w
Array elu_grad(Array g, Array x, Array alpha);  ///< g where x > 0, else g alpha exp(x)

}  // namespace newtape::core
