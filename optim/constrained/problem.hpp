// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/constrained/minimize_constrained.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

/// What the algorithms for constraints share.
namespace newtape::optim {

/// A point with what is known of it. Arrays are f64: x and the gradient [n], constraints [k + m], equalities first, and
/// their Jacobian [k + m, n].
struct ConstrainedPoint {
  Array x;
  double value = std::numeric_limits<double>::quiet_NaN();
  Array gradient;
  Array constraints;
  Array jacobian;
};

/// How far a point is from a solution, for its multipliers.
struct OptimalityErrors {
  double stationarity = 0;     ///< largest |entry| of the projected gradient of the Lagrangian
  double complementarity = 0;  ///< largest |inequality times multiplier|
  double violation = 0;
  double scale = 1;  ///< the largest multiplier, at least 1
  double error() const { return std::max(stationarity, complementarity); }
};

class ConstrainedProblem {
 public:
  /// ValueError, DTypeError, ShapeError for bad input.
  ConstrainedProblem(const Function& f, std::span<const Tensor> x0, const Constraints& constraints,
                     const MinimizeConstrainedOptions& options);

  const Function& function() const noexcept { return f_; }
  std::int64_t size() const { return objective.size(); }
  std::int64_t equalities() const { return equalities_; }
  std::int64_t inequalities() const { return inequalities_; }

  /// The value and the constraints at x; NaN where a NumericalError is thrown.
  ConstrainedPoint values(const Array& x);
  /// The same with derivatives.
  ConstrainedPoint derivatives(const Array& x);
  /// Second derivatives of f - multipliers constraints, [n, n].
  Array lagrangian_hessian(const Array& x, const Array& multipliers);

  /// Of each constraint, >= 0.
  Array violations(const Array& constraints) const;
  OptimalityErrors errors(const ConstrainedPoint& at, const Array& multipliers) const;
  /// The gradient of the Lagrangian.
  static Array lagrangian_gradient(const ConstrainedPoint& at, const Array& multipliers);
  /// The parts of a vector of all constraints in the shapes of the caller's functions; undefined for no function.
  Tensor equality_part(const Array& v) const;
  Tensor inequality_part(const Array& v) const;

  Objective objective;
  Constraints constraints;
  Bounds bounds;  ///< f64
  double gradient_tolerance, constraint_tolerance;

 private:
  Tensor all_constraints(const Tensor& x) const;
  Function f_;
  std::vector<Tensor> like_;
  std::int64_t equalities_ = 0, inequalities_ = 0;
  Shape equality_shape_, inequality_shape_;
};

bool finite(const ConstrainedPoint& at);
/// m v and m^T v.
Array times(const Array& m, const Array& v);
Array transposed_times(const Array& m, const Array& v);

/// Run each algorithm from x0.
ConstrainedResult run_sqp(ConstrainedProblem& problem, const Array& x0, const MinimizeConstrainedOptions& options);
ConstrainedResult run_augmented_lagrangian(ConstrainedProblem& problem, const Array& x0,
                                           const MinimizeConstrainedOptions& options);

}  // namespace newtape::optim
