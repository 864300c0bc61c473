// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/linearized.hpp>
#include <newtape/optim/least_squares/residuals.hpp>
#include <newtape/optim/least_squares/robust.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace newtape::optim {

enum class LeastSquaresMethod {
  /// |J s + r|^2 + damping |D s|^2, with the length of J's columns as D, corrected by the residuals' second derivative
  /// along s (Transtrum and Sethna 2012); the damping is updated by the gain ratio (Nielsen 1999).
  levenberg_marquardt,
  gauss_newton,  ///< the minimiser of |J s + r|^2, and a backtracking line search
  dogleg,        ///< Powell 1970: from the Cauchy point to the Gauss-Newton step, within the trust region
};
const char* to_string(LeastSquaresMethod method) noexcept;

struct LeastSquaresSolverOptions {
  LeastSquaresMethod method = LeastSquaresMethod::levenberg_marquardt;
  bool acceleration = true;
  bool products = false;  ///< of the Jacobian, instead of the matrix
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;
};

/// Residuals at a point and what follows from them. Vectors in f64.
struct ResidualPoint {
  Array x;
  Array residuals;
  double value = std::numeric_limits<double>::quiet_NaN();  ///< half of the sum of rho
  Array first;                                              ///< rho' of each; undefined for RobustLoss::linear
  Array gradient;
  Array jacobian;  ///< undefined when there are only products
};

/// A solver's state between iterations.
struct LeastSquaresState {
  double damping = 0;  ///< 0: not chosen yet
  double growth = 2;   ///< factor of the damping when the next step fails
  double radius = 0;   ///< 0: not chosen yet
  Array scale;         ///< D
};

/// The outcome of an iteration.
struct LeastSquaresMove {
  bool moved = false;
  double ratio = 0, region = 0;
  std::int64_t inner = 0;
  std::string note = {};
  Status status = Status::no_progress;  ///< why it did not move; may be a converged one
};

/// Iterations of least squares: least_squares runs them to convergence, optimizers one per step.
class LeastSquaresSolver {
 public:
  LeastSquaresSolver(Residuals& f, const LeastSquaresSolverOptions& options, Bounds bounds = {});

  /// Residuals and derivatives at x. False when they are not finite.
  bool start(const Array& x);
  /// Moves to a better point; call `evaluate` before the next move. `limit` is called before every evaluation, and a
  /// status that it returns ends the iteration.
  LeastSquaresMove move(const std::function<std::optional<Status>()>& limit);
  /// Derivatives at the point that `move` reached. False when they are not finite: the solver returns to the previous
  /// point and takes smaller steps.
  bool evaluate();

  const ResidualPoint& at() const noexcept { return at_; }
  /// The largest entry of the projected gradient.
  double gradient_size() const;
  /// Whether differences of the residuals contradict their derivatives, along the negative gradient (`downhill`) or
  /// along a direction with a component of every unknown.
  bool contradicted(bool downhill);

  LeastSquaresState state;

 private:
  struct Trial {
    ResidualPoint to;
    Array step;  ///< the actual step, after bounds and rounding
    double predicted = 0;
    bool moved = false;  ///< the step changes x
  };

  ResidualPoint evaluate(const Array& x);
  void weigh(ResidualPoint& p) const;
  bool derive();
  Trial attempt(const Array& step, double predicted);
  double model_fall(const Array& step) const;
  double scaled_length(const Array& step) const;
  double noise() const;
  bool negligible(const Array& step) const;
  /// The undamped step, if its predicted reduction is below rounding errors.
  std::optional<Array> last_digits(double predicted);
  LeastSquaresMove polish(const Array& step);
  /// The status when no trial lowered the value. `finite`: some trial was finite; `predicted`: reduction predicted for
  /// the first.
  LeastSquaresMove stuck(bool finite, double predicted);
  void accept(Trial trial);

  LeastSquaresMove levenberg_marquardt(const std::function<std::optional<Status>()>& limit);
  LeastSquaresMove gauss_newton(const std::function<std::optional<Status>()>& limit);
  LeastSquaresMove dogleg(const std::function<std::optional<Status>()>& limit);
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
  Array reach_;                                    ///< |J| |x|, the scale of the residuals' rounding errors
  std::optional<ResidualPoint> before_;

  // Polishing: lengths of the last and the shortest Gauss-Newton step, and the latter's point.
  double last_length_ = std::numeric_limits<double>::infinity();
  double best_length_ = std::numeric_limits<double>::infinity();
  ResidualPoint best_;
  int stalls_ = 0;
  int failures_ = 0;  ///< of `evaluate`, in succession
};

}  // namespace newtape::optim
