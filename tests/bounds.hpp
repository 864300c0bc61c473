// SPDX-License-Identifier: BSD-3-Clause
// Bounds on rounding errors that hold for sums in any order, with and without fused multiply-adds: for all kernels of
// every BLAS. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition (2002), numbers of its equations.
#pragma once

#include <newtape/core/array/dtype.hpp>

#include <cmath>
#include <limits>

namespace bounds {

/// The largest relative error of one rounding.
inline double unit_roundoff(newtape::DType dtype) {
  using newtape::DType;
  if (dtype == newtape::f32) return std::numeric_limits<float>::epsilon() / 2;
  return dtype == newtape::f64 ? std::numeric_limits<double>::epsilon() / 2 : 0;
}

/// gamma_n = n u / (1 - n u): the relative error of n roundings (lemma 3.1). Of a product with n terms a sum: times
/// sum |a||b| (eq. 3.5); of a sum of n numbers: gamma_(n-1) sum |x| (eq. 4.4).
inline double gamma(double n, newtape::DType dtype) {
  const double nu = n * unit_roundoff(dtype);
  return nu / (1 - nu);
}

/// The largest element of b - A x for the solution x of n equations by elimination with partial pivoting:
/// gamma_3n |L||U||x| (theorem 9.4), and gamma_n |A||x| for the product that the test forms. |L| <= 1, and elements
/// of |U| grow by n at most, in practice (section 9.4). `a` and `x` are the largest elements.
inline double residual(double n, double a, double x, newtape::DType dtype) {
  return gamma(3 * n, dtype) * n * n * n * a * x + gamma(n + 1, dtype) * n * a * x;
}

/// Six standard deviations of the mean of n independent draws: 1 in 5e8 is outside.
inline double mean_of(double n, double deviation) { return 6 * deviation / std::sqrt(n); }

}  // namespace bounds
