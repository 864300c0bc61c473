// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

/// Scalar kernels of special functions, evaluated in double for every dtype and not vectorized.
namespace newtape::core::kernels::special {

extern const Kernels lgamma, digamma;
extern const Kernels ndtri;      ///< inverse of the normal distribution function
extern const Kernels ndtr;       ///< the normal distribution function
extern const Kernels logit;      ///< log(x / (1 - x))
extern const Kernels entr;       ///< -x log x; 0 at 0, -infinity for x < 0
extern const Kernels polygamma;  ///< operands: x, and one element n > 0, the derivative order of digamma
/// Operands: x, and one element n >= 0, the derivative order.
extern const Kernels sinc, erfcx, log_ndtr, i0, i0e, i1e;
/// Operands: x, and one element n >= 0: Bessel functions of the first and second kind of order n; those of the second are NaN
/// for x < 0.
extern const Kernels bessel_j, bessel_y;

// --- of the gamma and beta distributions; NaN outside of a, b > 0, x >= 0, x <= 1 ---
extern const Kernels igamma, igammac;  ///< operands a, x: the regularized incomplete gamma functions P and Q
extern const Kernels gamma_density;    ///< operands a, y = log x: dP/dy = x^a exp(-x) / gamma(a)
extern const Kernels gamma_ratio;      ///< operands a, y, n > 0: the n-th derivative of P in a, over gamma_density
extern const Kernels betainc;          ///< operands a, b, x: the regularized incomplete beta function I
extern const Kernels beta_density;     ///< operands a, b, x: x (1 - x) dI/dx = x^a (1 - x)^b / B(a, b)
extern const Kernels log_igammainv;    ///< operands a, p: the y with P(a, exp(y)) = p
extern const Kernels betaincinv;       ///< operands a, b, p: the x with I = p
/// Operands a, b, x: the derivative of I of orders j in a and k in b over beta_density; 0 < j + k <= 5.
const Kernels& beta_ratio(int j, int k);
extern const Kernels zeta;  ///< operands s, q, n >= 0: n-th derivative in s of sum 1 / (q + k)^s

}  // namespace newtape::core::kernels::special
