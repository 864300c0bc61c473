// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/blocks/linear_solver.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace newtape::optim {

/// A step to try from a linearised point.
struct BlockStep {
  std::vector<double> step;
  double predicted = 0;  ///< reduction of the value, by the linear model
  double region = 0;     ///< as in Iteration
};

/// How steps are chosen and what their success changes: an algorithm of least squares.
class BlockStepRule {
 public:
  BlockStepRule(BlockResiduals& residuals, BlockLinearSolver& solver) : residuals_(residuals), solver_(solver) {}
  virtual ~BlockStepRule() = default;
  /// The next step to try from this point; none where the linear algebra fails at every one.
  virtual std::optional<BlockStep> propose() = 0;
  /// The last step was taken, with this ratio of actual and predicted reduction, or was not.
  virtual void accepted(double ratio) = 0;
  virtual void rejected() = 0;
  /// The point was linearised anew.
  virtual void moved() { solver_.update(residuals_); }

 protected:
  /// The squared lengths of J's columns; those of zeros count as the longest.
  std::vector<double> scale() const;

  BlockResiduals& residuals_;
  BlockLinearSolver& solver_;
};

std::unique_ptr<BlockStepRule> make_step_rule(const LeastSquaresProblemOptions& options, BlockResiduals& residuals,
                                              BlockLinearSolver& solver);

}  // namespace newtape::optim
