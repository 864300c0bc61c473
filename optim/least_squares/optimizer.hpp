// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/algorithm.hpp>
#include <newtape/optim/least_squares/robust.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/trainable.hpp>

#include <optional>
#include <vector>

/// The methods of `least_squares` in training loops: `optimizer.step([&] { return model(x) - y; })`. The closure
/// returns the residuals, not a loss; their Jacobian is taken from it, and it may be called several times in a step,
/// with the same data.
namespace newtape::optim {

struct LeastSquaresOptimizerOptions {
  double lr = 1;             ///< factor of the step that the method computes
  bool acceleration = true;  ///< second-order correction of Levenberg-Marquardt steps
  bool products = false;     ///< conjugate gradients on products with the Jacobian, if it is too large
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;
};

extern template class OptimizerOf<LeastSquaresOptimizerOptions>;
/// One iteration of a method per step, on all parameters as one vector. They must have one dtype; frozen ones are
/// skipped. The damping (or the radius) carries over from step to step, also to new data.
class LeastSquaresOptimizer : public OptimizerOf<LeastSquaresOptimizerOptions> {
 public:
  /// ValueError for no parameters; DTypeError unless they have one dtype.
  LeastSquaresOptimizer(std::vector<Parameter> params, LeastSquaresAlgorithm algorithm,
                        const LeastSquaresOptimizerOptions& options = {});

  /// ValueError: residuals come from a closure.
  void step() override;
  /// ValueError: see `step()`.
  void step(const Tensor& loss) override;
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) override;
  /// Returns half the sum of squares (of rho, with a robust loss) before the step. NumericalError when residuals or
  /// derivatives are not finite; nothing is changed then.
  Tensor step(const std::function<Tensor()>& residuals) override;

  /// The outcome of the last step. Without progress the parameters are unchanged, and the status gives the reason.
  const LeastSquaresStepResult& last() const noexcept { return last_; }
  const Counts& counts() const noexcept { return counts_; }

 protected:
  void update(Slot&) override {}
  void save_more(std::string_view prefix, StateDict& state) const override;
  std::function<void()> load_more(detail::StateReader& state) override;

 private:
  LeastSquaresAlgorithm algorithm_;
  LeastSquaresState state_;
  Trainable trained_;  ///< the parameters that the state refers to
  LeastSquaresStepResult last_;
  Counts counts_;
};

/// LeastSquaresAlgorithm::levenberg_marquardt.
struct LevenbergMarquardt : LeastSquaresOptimizer {
  explicit LevenbergMarquardt(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options = {});
};
/// LeastSquaresAlgorithm::gauss_newton, with a backtracking line search.
struct GaussNewton : LeastSquaresOptimizer {
  explicit GaussNewton(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options = {});
};
/// LeastSquaresAlgorithm::dogleg.
struct Dogleg : LeastSquaresOptimizer {
  explicit Dogleg(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options = {});
};

}  // namespace newtape::optim
