// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/least_squares/solver.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

struct LeastSquaresOptions {
  enum class Solver {
    automatic,  ///< qr, as long as the Jacobian has no more than 3e7 elements
    qr,         ///< of the whole Jacobian (and its singular values, for the steps without damping)
    cgls,       ///< conjugate gradients, on products with the Jacobian
  };

  LeastSquaresMethod method = LeastSquaresMethod::levenberg_marquardt;
  Solver solver = Solver::automatic;
  bool acceleration = true;  ///< second-order correction of Levenberg-Marquardt steps (with qr)
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;  ///< the size of residuals from which on they count as outliers
  /// The residuals' standard deviations: they are divided by it. Of their shape, or broadcast to it.
  Tensor sigma = {};
  // When to stop; a limit of 0 is none. Without tolerances a run goes on to what the precision of the numbers allows,
  // whatever the units of residuals and unknowns.
  double gradient_tolerance = 0;  ///< of the gradient's largest entry
  double step_tolerance = 0;      ///< of |step| / |x|
  double value_tolerance = 0;     ///< of the fall of the value / value
  std::int64_t max_iterations = 5000;
  std::int64_t max_evaluations = 0;
  double max_seconds = 0;
  /// Sees each iteration, and the point that it led to; false stops the run.
  std::function<bool(const Iteration&, const std::vector<Tensor>& xs)> callback = {};
  bool verbose = false;  ///< prints a table, one line an iteration
  /// Bounds, each of the shape of its point or broadcast to it; empty, or one for each point.
  std::vector<Tensor> lower = {};
  std::vector<Tensor> upper = {};
};

/// A Result whose value is half the sum of squares (of rho, with a robust loss), and what follows from its residuals:
/// the usual estimates of a fit, made as if it were linear around the solution. A robust loss weights residuals, and
/// the rows of the Jacobian, by the square root of rho'. ValueError when the residuals were not finite at the start.
struct LeastSquaresResult : Result {
  Tensor residuals;  ///< as the function gave them, divided by sigma

  /// [m, n], over all elements of all points.
  Tensor jacobian() const;
  /// Of the Jacobian, its columns scaled to length 1.
  std::int64_t rank() const;
  /// Residuals less rank.
  std::int64_t degrees_of_freedom() const;
  /// s: the square root of the weighted sum of squares over the degrees of freedom; NaN when there are none.
  double residual_standard_deviation() const;
  /// Of the estimate, s^2 (J^T J)^-1, [n, n]: by QR, or the pseudo-inverse when the rank is less than n. `absolute`:
  /// the residuals are in units of their known standard deviations, and s is taken as 1.
  Tensor covariance(bool absolute = false) const;
  /// Its diagonal's square roots, one tensor in the shape of each point.
  std::vector<Tensor> standard_deviations(bool absolute = false) const;

  /// Where the last two come from: rows of J, weighted; of f64. Computed when first asked for, if a run did without it;
  /// then the function of residuals must still be alive.
  std::function<Array()> weighted_jacobian;
  Array weights;  ///< sqrt(rho'); undefined for RobustLoss::linear
};

/// Minimises half the sum of the squares of the residuals, or of a robust loss of them, from x0. Never throws for what
/// happens on the way: the status says it, and the result is the best point seen. ValueError, DTypeError, ShapeError
/// for bad input, and whatever the function throws but NumericalError, which counts as NaN.
LeastSquaresResult least_squares(const UnaryFunction& residuals, const Tensor& x0,
                                 const LeastSquaresOptions& options = {});
LeastSquaresResult least_squares(const Function& residuals, std::span<const Tensor> x0,
                                 const LeastSquaresOptions& options = {});
/// Residuals that read parameters, such as those of a model; they are left at the best point. Frozen ones stay as they
/// are, and have no part in the result.
LeastSquaresResult least_squares(const std::function<Tensor()>& residuals, const std::vector<Parameter>& parameters,
                                 const LeastSquaresOptions& options = {});

}  // namespace newtape::optim
