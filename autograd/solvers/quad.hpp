// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <cstdint>

/// Integrals over an interval.
namespace newtape {

struct QuadOptions {
  double rtol = 0;                    ///< of the largest |entry| of the integral; 0: 1e-10 in f64, 1e-5 in f32
  double atol = 0;                    ///< 0: rtol
  std::int64_t max_intervals = 2000;  ///< NumericalError beyond
};

/// The integral, and what it took.
struct QuadResult {
  Tensor value;                  ///< [..], differentiable
  double error = 0;              ///< estimate of its largest absolute error
  std::int64_t evaluations = 0;  ///< points at which f was evaluated
  std::int64_t intervals = 0;
};

/// The integral of f from a to b by adaptive Gauss-Kronrod quadrature with 10 and 21 points (Piessens et al. 1983,
/// QUADPACK). f takes many points at once: t [m] -> [m, ..]. a and b are scalars of the same float dtype, or infinite.
/// Differentiable to any order in a, b and all that f uses: the intervals are chosen for the value without recording,
/// and f is recorded once at their points; the error of the derivatives is not estimated. Singular ends are allowed, f
/// is not evaluated there. ShapeError for another result of f; NumericalError when it is not finite or the tolerance is
/// not met.
QuadResult quad(const UnaryFunction& f, In a, In b, const QuadOptions& options = {});

}  // namespace newtape
