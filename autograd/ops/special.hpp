// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Special functions, of floats.
namespace newtape {

Tensor erf(In x);
Tensor erfc(In x);              ///< 1 - erf(x), accurate for large x
Tensor erfinv(In x);            ///< the inverse of erf
Tensor lgamma(In x);            ///< log |Gamma(x)|
Tensor digamma(In x);           ///< the derivative of lgamma; NaN at the negative integers
Tensor polygamma(int n, In x);  ///< the n-th derivative of digamma; ValueError when n < 0
Tensor sinc(In x);              ///< sin(pi x) / (pi x), 1 at 0, as NumPy's

Tensor logaddexp(In a, In b);   ///< log(exp(a) + exp(b)) without overflow
Tensor logaddexp2(In a, In b);  ///< log2(2^a + 2^b)
Tensor xlogy(In a, In b);       ///< a log(b); 0 with derivative 0 in b where a is 0
Tensor xlog1py(In a, In b);     ///< a log(1 + b), likewise

}  // namespace newtape
