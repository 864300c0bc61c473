// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <utility>

namespace newtape {
class Generator;
/// This thread's default generator; see <newtape/core/runtime/random.hpp>.
Generator& default_generator();
}  // namespace newtape

/// Special functions, of floats. Error functions: <newtape/autograd/ops/erf.hpp>.
namespace newtape {

Tensor entr(In x);               ///< -x log(x); 0 at 0, -inf for negative x
Tensor logit(In x);              ///< log(x / (1 - x)), the inverse of sigmoid
Tensor logit(In x, double eps);  ///< of x clipped to [eps, 1 - eps]
Tensor lgamma(In x);             ///< log |Gamma(x)|
Tensor digamma(In x);            ///< the derivative of lgamma; NaN at the negative integers
Tensor polygamma(int n, In x);   ///< the n-th derivative of digamma; ValueError when n < 0
Tensor sinc(In x);               ///< sin(pi x) / (pi x), 1 at 0, as NumPy's

Tensor logaddexp(In a, In b);   ///< log(exp(a) + exp(b)) without overflow
Tensor logaddexp2(In a, In b);  ///< log2(2^a + 2^b)
Tensor xlogy(In a, In b);       ///< a log(b); 0 with derivative 0 in b where a is 0
Tensor xlog1py(In a, In b);     ///< a log(1 + b), likewise

// --- modified Bessel functions of orders 0 and 1; those times exp(-|x|) ---
Tensor i0(In x);   ///< of order 0
Tensor i1(In x);   ///< of order 1
Tensor i0e(In x);  ///< exp(-|x|) i0(x); derivative 0 at its corner x = 0
Tensor i1e(In x);  ///< exp(-|x|) i1(x)

// --- Bessel functions of the first kind, and of the second kind, NaN for x < 0 ---
Tensor bessel_jn(int n, In x);  ///< of integer order; J_(-n) = (-1)^n J_n
Tensor bessel_yn(int n, In x);  ///< of integer order; Y_(-n) = (-1)^n Y_n, -inf at 0
/// The first kind of order 0.
inline Tensor bessel_j0(In x) { return bessel_jn(0, std::move(x)); }
/// The first kind of order 1.
inline Tensor bessel_j1(In x) { return bessel_jn(1, std::move(x)); }
/// The second kind of order 0.
inline Tensor bessel_y0(In x) { return bessel_yn(0, std::move(x)); }
/// The second kind of order 1.
inline Tensor bessel_y1(In x) { return bessel_yn(1, std::move(x)); }

// --- with derivatives in all operands, in the parameters up to order 5 (then ValueError) ---
/// The regularized incomplete gamma functions P(a, x) and Q(a, x) = 1 - P(a, x), of a > 0, x >= 0; NaN elsewhere.
Tensor igamma(In a, In x);
Tensor igammac(In a, In x);
/// The x with igamma(a, x) = p.
Tensor igammainv(In a, In p);
/// The regularized incomplete beta function I_x(a, b); NaN unless a, b > 0 and 0 <= x <= 1.
Tensor betainc(In a, In b, In x);
Tensor betaincinv(In a, In b, In p);  ///< the x with betainc(a, b, x) = p
Tensor zeta(In s, In q);              ///< Hurwitz's zeta function, the sum over k >= 0 of 1 / (q + k)^s; s > 1, q > 0
/// log of the multivariate gamma function of dimension p: p(p-1)/4 log(pi) + the sum over j < p of lgamma(a - j/2).
/// ValueError unless p >= 1.
Tensor mvlgamma(In a, int p);

/// log of a draw from the gamma distribution of shape `a` and scale 1; differentiable in a at a constant probability
/// (implicit reparametrization: Figurnov, Mohamed & Mnih 2018), up to order 5.
Tensor log_standard_gamma(In a, Generator& generator = default_generator());

}  // namespace newtape
