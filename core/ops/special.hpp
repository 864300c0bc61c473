// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Special functions; f32 and f64. Broadcasting and memory reuse as in <newtape/core/ops/elementwise.hpp>.
namespace newtape::core {

Array erf(Array x);
Array erfc(Array x);    ///< 1 - erf(x), without cancellation for large x
Array erfinv(Array x);  ///< infinite at -1 and 1
Array lgamma(Array x);  ///< log |Gamma(x)|
Array digamma(Array x);
Array polygamma(int n, Array x);     ///< n-th derivative of digamma; n > 0
Array sinc(Array x, int order = 0);  ///< derivative of this order of sin(pi x) / (pi x)
Array logaddexp(Array a, Array b);   ///< log(exp(a) + exp(b)) without overflow
Array xlogy(Array a, Array b);       ///< a log(b), 0 if a is 0
Array xlog1py(Array a, Array b);     ///< a log(1 + b), 0 if a is 0

}  // namespace newtape::core
