// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct NaturalGradientOptions {
  double lr = 1;
  double damping = 1e-3;       ///< added to the Fisher matrix's diagonal
  double max_kl = 0;           ///< bound of a step's KL divergence ~ s^T F s / 2, s = lr d; 0: none
  int cg_iterations = 50;      ///< products with the Fisher matrix in a step
  double cg_tolerance = 1e-3;  ///< of the linear system's residual, relative
  bool empirical = false;      ///< uses the empirical Fisher matrix, of the samples' gradients
  double weight_decay = 0;     ///< multiplies p by 1 - lr * weight_decay before each step
};

extern template class OptimizerOf<NaturalGradientOptions>;
/// Natural gradient descent (Amari 1998) without a matrix: p -= lr (F + damping I)^-1 g, by conjugate gradients on
/// products with the Fisher matrix F over the parameters of all groups; lr and weight_decay are a group's own, the
/// other options the first group's.
class NaturalGradient : public OptimizerOf<NaturalGradientOptions> {
 public:
  using OptimizerOf::OptimizerOf;

  using OptimizerOf::step;
  /// One step on loss(outputs()), where `outputs` runs the model. With `empirical` the loss is one number for each sample
  /// [n], of which the mean counts. ShapeError, NumericalError before any parameter is changed. The other overloads
  /// throw ValueError.
  Tensor step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) override;

 protected:
  void check_step() const override;
  void update(Slot& slot) override;

 private:
  std::vector<Array> directions_;  ///< one for each slot; empty outside a step
};

}  // namespace newtape::optim
