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
Array polygamma(int n, Array x);         ///< n-th derivative of digamma; n > 0
Array sinc(Array x, int order = 0);      ///< derivative of this order of sin(pi x) / (pi x)
Array gaussian(Array x, double factor);  ///< exp(-factor x^2) to the last digits; factor >= 1/2
Array logaddexp(Array a, Array b);       ///< log(exp(a) + exp(b)) without overflow
Array logaddexp2(Array a, Array b);      ///< log2(2^a + 2^b) without overflow
/// The derivatives of these two in a: sigmoid(a - b), and sigmoid((a - b) ln 2). Two equal infinities: 1/2, and 0 of -inf,
/// the zero of the log semiring.
Array logaddexp_slope(Array a, Array b);
Array logaddexp2_slope(Array a, Array b);
Array xlogy(Array a, Array b);    ///< a log(b), 0 if a is 0
Array xlog1py(Array a, Array b);  ///< a log(1 + b), 0 if a is 0

}  // namespace newtape::core
