// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Activation functions of floats, with PyTorch's names, defaults and derivatives at corners.
namespace newtape {

Tensor relu(In x);   ///< max(x, 0); derivative 0 at 0; also of i64
Tensor relu6(In x);  ///< min(max(x, 0), 6)
/// x where x > 0, else negative_slope x; derivative negative_slope at 0.
Tensor leaky_relu(In x, double negative_slope = 0.01);
Tensor prelu(In x, In weight);               ///< x where x > 0, else weight x; weight broadcasts by NumPy's rules
Tensor elu(In x, double alpha = 1);          ///< x where x > 0, else alpha (exp(x) - 1)
Tensor selu(In x);                           ///< elu, scaled to preserve mean 0 and variance 1
Tensor celu(In x, double alpha = 1);         ///< alpha elu(x / alpha); ValueError unless alpha > 0
Tensor sigmoid(In x);                        ///< 1 / (1 + exp(-x)) without overflow
Tensor logsigmoid(In x);                     ///< log(sigmoid(x)) without overflow
Tensor softplus(In x);                       ///< log(1 + exp(x)) without overflow
Tensor softsign(In x);                       ///< x / (1 + |x|)
Tensor silu(In x);                           ///< x sigmoid(x)
Tensor mish(In x);                           ///< x tanh(softplus(x))
enum class Approximate { exact, tanh };      ///< PyTorch: "none", "tanh"
Tensor gelu(In x);                           ///< x Phi(x), exact (erf)
Tensor gelu(In x, Approximate approximate);  ///< tanh: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2

Tensor hardtanh(In x, double low = -1, double high = 1);  ///< clip, but derivative 0 at the bounds
Tensor hardsigmoid(In x);                                 ///< min(max(x / 6 + 1/2, 0), 1)
Tensor hardswish(In x);                                   ///< x hardsigmoid(x)
Tensor threshold(In x, double threshold, double value);   ///< x where x > threshold, else value
Tensor hardshrink(In x, double lambda = 0.5);             ///< x where |x| > lambda, else 0
Tensor softshrink(In x, double lambda = 0.5);             ///< x moved towards 0 by lambda, at most to 0
Tensor tanhshrink(In x);                                  ///< x - tanh(x)

}  // namespace newtape
