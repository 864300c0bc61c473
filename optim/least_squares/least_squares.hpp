// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/least_squares/algorithm.hpp>
#include <newtape/optim/least_squares/robust.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

struct LeastSquaresOptions {
  /// The solver of the linear problem of each step.
  enum class Solver {
    automatic,  ///< qr below 1000 unknowns or up to 3e7 elements of the Jacobian, else cgls
    qr,         ///< of the Jacobian as a matrix (and its SVD, for undamped steps)
    cgls,       ///< conjugate gradients, on products with the Jacobian
  };

  LeastSquaresAlgorithm algorithm = LeastSquaresAlgorithm::levenberg_marquardt;
  Solver solver = Solver::automatic;
  bool acceleration = true;  ///< second-order correction of Levenberg-Marquardt steps (with qr)
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;  ///< larger residuals count as outliers
  /// The residuals' standard deviations, by which they are divided; of their shape, or broadcast to it.
  Tensor sigma = {};
  /// By default a run converges to floating-point precision, whatever the units of residuals and unknowns.
  StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
  /// Bounds, each of the shape of its point or broadcast to it; empty, or one for each point.
  std::vector<Tensor> lower = {};
  std::vector<Tensor> upper = {};
  /// Records the residuals and their derivatives at the first calls, and replays them: see MinimizeOptions.
  bool capture = false;
};

/// A Result whose value is half the sum of squares (of rho, with a robust loss), with the estimates of a fit, from the
/// model linearised at the solution. A robust loss weights residuals, and the rows of the Jacobian, by the square root
/// of rho'. ValueError when the residuals were not finite at the start.
struct LeastSquaresResult : Result {
  Tensor residuals;  ///< as the function gave them, divided by sigma

  /// [m, n], over all elements of all points.
  Tensor jacobian() const;
  /// The rank of the Jacobian, its columns scaled to length 1.
  std::int64_t rank() const;
  /// The number of residuals minus the rank.
  std::int64_t degrees_of_freedom() const;
  /// s: the square root of the weighted sum of squares over the degrees of freedom; NaN when there are none.
  double residual_standard_deviation() const;
  /// Covariance of the estimate, s^2 (J^T J)^-1, [n, n]: by QR, or by the pseudo-inverse when the rank is less than n.
  /// `absolute`: the residuals are in units of their known standard deviations, and s is taken as 1.
  Tensor covariance(bool absolute = false) const;
  /// Square roots of its diagonal, one tensor in the shape of each point.
  std::vector<Tensor> standard_deviations(bool absolute = false) const;

  /// The Jacobian with weighted rows, f64, from which the estimates are computed. If the run did not form it, a call
  /// evaluates the function of residuals, which must still be valid.
  std::function<Array()> weighted_jacobian;
  Array weights;  ///< sqrt(rho'); undefined for RobustLoss::linear
};

/// Minimises half the sum of the squares of the residuals, or of a robust loss of them, from x0. Failures during the
/// run do not throw: the status reports them, and the result is the best point. Throws ValueError, DTypeError,
/// ShapeError for bad input, and exceptions of the function other than NumericalError, which counts as NaN.
LeastSquaresResult least_squares(const UnaryFunction& residuals, const Tensor& x0,
                                 const LeastSquaresOptions& options = {});
LeastSquaresResult least_squares(const Function& residuals, std::span<const Tensor> x0,
                                 const LeastSquaresOptions& options = {});
/// Residuals as a function of parameters, such as a model's, which are set to the best point. Frozen ones are
/// constants, without an entry in the result.
LeastSquaresResult least_squares(const std::function<Tensor()>& residuals, const std::vector<Parameter>& parameters,
                                 const LeastSquaresOptions& options = {});

}  // namespace newtape::optim
