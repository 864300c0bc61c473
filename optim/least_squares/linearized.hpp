// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/optim/least_squares/residuals.hpp>

#include <memory>

namespace newtape::optim {

/// Residuals linearised at a point, |A J s + b|^2, where A weights the rows and D scales the unknowns s (both diagonal,
/// f64). Held unknowns have s = 0.
class Linearized {
 public:
  virtual ~Linearized() = default;
  /// A J s, [m].
  virtual Array forward(const Array& s) const = 0;
  /// The minimiser s of |A J s + b|^2 + damping |D s|^2. `accuracy`: relative tolerance of the gradient, for iterative
  /// solvers. NaN where the linear algebra fails.
  Array damped(const Array& b, double damping, double accuracy);
  /// The same without damping, of the least |D s|; singular values up to `rcond` times the largest count as 0. Where
  /// the singular value decomposition fails, damped by rcond^2.
  Array undamped(const Array& b, double rcond);
  /// Iterations of an iterative solver so far.
  std::int64_t inner = 0;

 private:
  virtual Array solve_damped(const Array& b, double damping, double accuracy) = 0;
  virtual Array solve_undamped(const Array& b, double rcond) = 0;
  virtual std::int64_t unknowns() const = 0;
};

/// `jacobian` [m, n]; `weights` (of the rows, or undefined: ones), `scale` the diagonal of D, `free` 1 where an unknown
/// may move and 0 where it is held, or undefined.
std::unique_ptr<Linearized> linearized(const Array& jacobian, const Array& weights, const Array& scale,
                                       const Array& free);
/// The same for a Jacobian given by its products only, by conjugate gradients (CGLS: Hestenes and Stiefel 1952; Bjorck
/// 1996, algorithm 7.4.1).
std::unique_ptr<Linearized> linearized(Residuals::Products products, const Array& weights, const Array& scale,
                                       const Array& free);

// Of f64 arrays, a [m, n] contiguous.
/// Euclidean lengths of the columns, without overflow; of the rows times `weights` [m], if defined.
Array column_norms(const Array& a, const Array& weights = {});
/// a x for x [n], |a| |x|, and a^T u for u [m].
Array product(const Array& a, const Array& x);
Array absolute_product(const Array& a, const Array& x);
Array transposed_product(const Array& a, const Array& u);

}  // namespace newtape::optim
