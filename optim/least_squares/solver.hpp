// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/algorithm.hpp>
#include <newtape/optim/least_squares/linearized.hpp>
#include <newtape/optim/least_squares/residuals.hpp>
#include <newtape/optim/least_squares/robust.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace newtape::optim {

struct LeastSquaresSolverOptions {
  LeastSquaresAlgorithm algorithm = LeastSquaresAlgorithm::levenberg_marquardt;
  bool acceleration = true;
  bool products = false;  ///< of the Jacobian, instead of the matrix
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;
};

/// A point with its residuals, value and derivatives. Vectors in f64.
struct ResidualPoint {
  Array x;
  Array residuals;
  double value = std::numeric_limits<double>::quiet_NaN();  ///< half of the sum of rho
  Array rho_slopes;                                         ///< rho' of each residual; undefined for RobustLoss::linear
  Array gradient;
  Array jacobian;  ///< undefined when there are only products
};

/// Iterations of least squares: least_squares runs them to convergence, optimizers one per step.
class LeastSquaresSolver {
 public:
  LeastSquaresSolver(Residuals& f, const LeastSquaresSolverOptions& options, Bounds bounds = {});

  /// Residuals and derivatives at x. False when they are not finite or cannot be factorised.
  bool start(const Array& x);
  /// Moves to a better point; call `evaluate` before the next move. Does not throw where the linear algebra fails.
  LeastSquaresStepResult move();
  /// Derivatives at the point that `move` reached, whatever the budget. False when they are not finite or cannot be
  /// factorised: the solver returns to the previous point and takes smaller steps.
  bool evaluate();

  const ResidualPoint& at() const noexcept { return at_; }
  /// The largest entry of the projected gradient.
  double gradient_size() const;
  /// Whether differences of the residuals contradict their derivatives, along the negative gradient (`downhill`) or
  /// along a direction with a component of every unknown.
  bool derivatives_contradicted(bool downhill);

  LeastSquaresState state;

 private:
  struct Trial {
    ResidualPoint to;
    Array step;  ///< the actual step, after bounds and rounding
    double predicted = 0;
    bool moved = false;  ///< the step changes x
  };

  static constexpr int max_trials = 100;
  static constexpr double min_ratio = 1e-4;  ///< actual over predicted reduction of an accepted step

  static bool finite(const Array& x);
  static bool finite(const ResidualPoint& p);
  static LeastSquaresStepResult stopped(Status status, std::string note = {});

  ResidualPoint evaluate(const Array& x);
  void weigh(ResidualPoint& p) const;
  bool update_derivatives();
  bool try_update_derivatives();
  void weigh_rows(const Array& weighted);
  void choose_weights(double ratio);
  void linearize(Residuals::Products products, const Array& free);
  bool linearize(const Array& free);
  Trial attempt(const Array& step, double predicted);
  double predicted_reduction(const Array& step) const;
  double scaled_length(const Array& step) const;
  double noise() const;
  bool negligible(const Array& step) const;
  /// The undamped step, if its predicted reduction is below rounding errors.
  std::optional<Array> last_digits(double predicted);
  LeastSquaresStepResult polish(const Array& step);
  /// The status when no trial lowered the value. `any_finite`: some trial was; `predicted`: reduction predicted for
  /// the first.
  LeastSquaresStepResult no_step(bool any_finite, double predicted);
  /// `ratio`: actual over predicted reduction.
  void accept(Trial trial, double ratio);

  LeastSquaresStepResult levenberg_marquardt();
  LeastSquaresStepResult gauss_newton();
  LeastSquaresStepResult dogleg();
  /// The minimiser of the linear model, to the accuracy of a step far from the solution.
  Array undamped_step() const;
  Array cauchy_point() const;
  Array dogleg_step(const Array& cauchy, const Array& end) const;
  void shorten(Array& end, const Array& cauchy);
  std::optional<Array> curvature(const Array& step);
  std::optional<Array> accelerated(const Array& step, double accuracy);
  void damp() noexcept;

  Residuals& f_;
  LeastSquaresSolverOptions options_;
  Bounds bounds_;
  double epsilon_;
  double start_value_ = 0;
  ResidualPoint at_;
  std::unique_ptr<Linearized> model_;
  Array target_;                                   ///< the model's b: A b = W r
  Array rows_;                                     ///< A; undefined: ones
  std::function<Array(const Array&)> derivative_;  ///< v -> J v
  Array rounding_scale_;                           ///< |J| |x|, the scale of the residuals' rounding errors
  std::optional<ResidualPoint> before_;

  // Polishing: lengths of the last and the shortest Gauss-Newton step, and the latter's point.
  double last_length_ = std::numeric_limits<double>::infinity();
  double best_length_ = std::numeric_limits<double>::infinity();
  ResidualPoint best_;
  int stalls_ = 0;
  int failures_ = 0;  ///< of `evaluate`, in succession
  /// With a robust loss: steps to be taken with a model that bounds it from above, instead of one with its curvature, and
  /// their number after the next step that the latter predicts badly.
  std::int64_t bounding_steps_ = 0, next_bounding_steps_ = 1;
  double path_damping_ = 0;  ///< of the end of the dogleg path, last used
};

}  // namespace newtape::optim
