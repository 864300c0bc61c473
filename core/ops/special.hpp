// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Special functions; f32 and f64. Broadcasting and memory reuse as in <newtape/core/ops/elementwise.hpp>.
namespace newtape::core {

Array erf(Array x);                      ///< error function
Array erfc(Array x);                     ///< 1 - erf(x), without cancellation for large x
Array erfinv(Array x);                   ///< infinite at -1 and 1
Array lgamma(Array x);                   ///< log |Gamma(x)|
Array digamma(Array x);                  ///< derivative of lgamma; NaN at the negative integers
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

// --- derivatives of order n >= 0 ---
Array erfcx(Array x, int n = 0);     ///< exp(x^2) erfc(x)
Array log_ndtr(Array x, int n = 0);  ///< log of the normal distribution function
Array ndtri(Array p);                ///< inverse of the normal distribution function
Array ndtr(Array x);                 ///< the normal distribution function
Array logit(Array x);                ///< log(x / (1 - x))
Array entr(Array x);                 ///< -x log(x)
Array i0(Array x, int n = 0);        ///< modified Bessel function of order 0; its derivative is that of order 1
Array i0e(Array x, int n = 0);       ///< exp(-|x|) i0(x)
Array i1e(Array x, int n = 0);       ///< exp(-|x|) i1(x)

Array bessel_j(Array x, int n);  ///< Bessel function of the first kind, of order n >= 0
Array bessel_y(Array x, int n);  ///< of the second kind; NaN for x < 0

Array igamma(Array a, Array x);   ///< regularized lower incomplete gamma function
Array igammac(Array a, Array x);  ///< 1 - igamma(a, x), accurate where it is small
/// x^a exp(-x) / gamma(a), the derivative of igamma in y = log(x).
Array gamma_density(Array a, Array y);
/// The n-th derivative of igamma(a, exp(y)) in a over gamma_density(a, y); 0 < n <= 5.
Array gamma_ratio(Array a, Array y, int n);
Array log_igammainv(Array a, Array p);          ///< the y with igamma(a, exp(y)) = p
Array betaincinv(Array a, Array b, Array p);    ///< the x with betainc(a, b, x) = p
Array betainc(Array a, Array b, Array x);       ///< regularized incomplete beta function
Array beta_density(Array a, Array b, Array x);  ///< x^a (1 - x)^b / B(a, b)
/// The derivative of betainc of orders j in a and k in b over beta_density; 0 < j + k <= 5.
Array beta_ratio(Array a, Array b, Array x, int j, int k);
Array zeta(Array s, Array q, int n = 0);  ///< sum over k >= 0 of 1 / (q + k)^s, s > 1, q > 0; its n-th derivative in s

}  // namespace newtape::core
