// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/result.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <limits>
#include <span>
#include <string>
#include <vector>

/// Minimisation subject to nonlinear equalities and inequalities.
namespace newtape::optim {

/// Functions of the point, of any shape, of which each element is a constraint. Either may be left empty.
struct UnaryConstraints {
  UnaryFunction equalities = {};    ///< zero at a solution
  UnaryFunction inequalities = {};  ///< at least zero at a solution, as in SciPy
};
/// The same for several points.
struct Constraints {
  Function equalities = {};
  Function inequalities = {};
};

/// How constraints are met.
enum class ConstrainedAlgorithm {
  /// Sequential quadratic programming: few evaluations; factorises matrices of all unknowns and constraints, so up to some
  /// hundred of them. A quasi-Newton or exact Hessian of the Lagrangian, Powell's l1 merit function with second-order
  /// corrections, and relaxed programs where the linearised constraints contradict each other (Nocedal and Wright 2006,
  /// chapter 18).
  sqp,
  /// The augmented Lagrangian, minimised by any method of `minimize`: for many unknowns, and where Jacobians of the
  /// constraints are degenerate (Birgin and Martinez 2014, algorithm 4.1).
  augmented_lagrangian,
};
const char* to_string(ConstrainedAlgorithm algorithm) noexcept;

struct MinimizeConstrainedOptions {
  ConstrainedAlgorithm algorithm = ConstrainedAlgorithm::sqp;
  bool exact_hessian = false;       ///< sqp: the Hessian of the Lagrangian, made positive definite, in place of BFGS
  Method method = {};               ///< augmented_lagrangian: of the inner runs; default as for `minimize`
  double penalty = 0;               ///< augmented_lagrangian: first factor of the squared violation; 0: from the start
  double constraint_tolerance = 0;  ///< of the largest violation; 0: 1e-8 in f64, 1e-4 in f32
  /// The gradient is that of the Lagrangian, projected on the bounds; its tolerance also holds for products of
  /// inequalities and their multipliers, both relative to the largest multiplier where that is above 1. `precision` ends
  /// a run at the square root of that tolerance. An iteration of augmented_lagrangian is an inner run.
  StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
  /// Bounds, each of the shape of its point or broadcast to it; empty, or one for each point. Every evaluation is
  /// within them.
  std::vector<Tensor> lower = {};
  std::vector<Tensor> upper = {};
};

/// A Result whose gradient is that of the Lagrangian f - equality_multipliers equalities - inequality_multipliers
/// inequalities, projected on the bounds.
struct ConstrainedResult : Result {
  double violation = std::numeric_limits<double>::quiet_NaN();  ///< the largest |equality| or negative inequality
  Tensor equality_multipliers;    ///< in the shape of the equalities; undefined without any
  Tensor inequality_multipliers;  ///< in the shape of the inequalities, >= 0; undefined without any
};

/// Minimises f subject to constraints and bounds, from an x0 that need not meet them. Failures during the run do not
/// throw: the status reports them (no_progress with a violation: a point where the constraints are met less by every
/// step, as where they contradict each other), and the result is the last point. Throws ValueError, DTypeError,
/// ShapeError for bad input, and exceptions of f other than NumericalError, which counts as NaN.
ConstrainedResult minimize_constrained(const Located<UnaryFunction>& f, const Tensor& x0,
                                       const UnaryConstraints& constraints,
                                       const MinimizeConstrainedOptions& options = {});
ConstrainedResult minimize_constrained(const Located<Function>& f, std::span<const Tensor> x0,
                                       const Constraints& constraints, const MinimizeConstrainedOptions& options = {});

}  // namespace newtape::optim
