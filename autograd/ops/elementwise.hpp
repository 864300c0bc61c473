// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Functions of one number.
namespace newtape {

Tensor exp(In x);
Tensor expm1(In x);
Tensor log(In x);
Tensor log1p(In x);
Tensor sqrt(In x);
Tensor sin(In x);
Tensor cos(In x);
Tensor tanh(In x);
Tensor erf(In x);
Tensor sigmoid(In x);
Tensor softplus(In x);  ///< log(1 + exp(x))
Tensor relu(In x);      ///< max(x, 0); derivative 0 at 0
Tensor gelu(In x);      ///< x Phi(x), exact (erf)

}  // namespace newtape
