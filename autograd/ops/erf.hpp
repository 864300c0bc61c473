// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// The error function and its kin, and the normal distribution's functions, of floats.
namespace newtape {

Tensor erf(In x);       ///< the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x
Tensor erfc(In x);      ///< 1 - erf(x), accurate for large x
Tensor erfcx(In x);     ///< exp(x^2) erfc(x)
Tensor erfinv(In x);    ///< the inverse of erf
Tensor ndtr(In x);      ///< the distribution function of the standard normal distribution
Tensor log_ndtr(In x);  ///< log(ndtr(x)), accurate for very negative x
Tensor ndtri(In p);     ///< the inverse of ndtr; NaN outside of [0, 1]

}  // namespace newtape
