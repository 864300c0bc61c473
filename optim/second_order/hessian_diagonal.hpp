// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

/// Optimizers preconditioned by estimates of the Hessian's diagonal from the graph of the loss: `optimizer.step(loss)`,
/// without a backward() before it.
namespace newtape::optim {

struct LossCurvature;

struct AdaHessianOptions {
  double lr = 0.15;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-4;
  double weight_decay = 0;      ///< multiplies p by 1 - lr * weight_decay before each step
  double hessian_power = 1;     ///< k of the paper: 1 divides by the curvature, 0 by 1
  bool average_kernels = true;  ///< averages the curvature over axes 2 and up, as of convolution kernels
  std::int64_t samples = 1;     ///< random vectors per step
  std::int64_t seed = 0;        ///< of the random vectors
};

extern template class OptimizerOf<AdaHessianOptions>;
/// AdaHessian (Yao et al. 2021, algorithm 1): Adam with Hutchinson's estimate of the Hessian's diagonal in place of the
/// gradient in the second moment. `samples` and `seed` are those of the first group. Leaves the gradients in the
/// parameters.
class AdaHessian : public OptimizerOf<AdaHessianOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  using OptimizerOf::step;

  /// Takes gradients and products with the Hessian from the graph of the loss.
  void step(const Tensor& loss) override;

 protected:
  Shape moment_shape(const Slot& slot, std::size_t k) const override;
  void update(Slot& slot) override;
  void check_step() const override;

 private:
  Shape curvature_shape(const Slot& slot) const;

  std::vector<Tensor> curvature_ = {};  ///< of each parameter; empty outside a step
};

struct SophiaOptions {
  double lr = 4e-4;
  std::pair<double, double> betas = {0.96, 0.99};
  double gamma = 0.01;                 ///< smaller values clip more steps at lr; 0.05 for Gauss-Newton-Bartlett
  double eps = 1e-12;                  ///< lower bound of gamma h
  double weight_decay = 0.2;           ///< multiplies p by 1 - lr * weight_decay before each step
  std::int64_t hessian_interval = 10;  ///< steps between estimates of the Hessian by step(loss)
  std::int64_t seed = 0;               ///< of the random vectors
};

extern template class OptimizerOf<SophiaOptions>;
/// Sophia (Liu et al. 2023, algorithm 3): p -= lr clip(m / max(gamma h, eps), 1) where h averages estimates of the
/// Hessian's diagonal. Call either `step(loss)`, which makes Hutchinson's estimate every hessian_interval steps (the
/// first group's), or ordinary steps with one of the two updates below about every ten.
class Sophia : public OptimizerOf<SophiaOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  using OptimizerOf::step;

  void step(const Tensor& loss) override;
  /// Algorithm 1: an estimate from the graph of a loss.
  void update_hessian(const Tensor& loss);
  /// Algorithm 2, Gauss-Newton-Bartlett: batch_size g^2, with the gradient g of the mean loss of a batch whose labels
  /// are drawn from the model's own predictions. Nonnegative, and needs no second derivatives. Leaves the parameters'
  /// gradients.
  void update_gauss_newton(const Tensor& sampled_loss, std::int64_t batch_size);

 protected:
  void prepare() override;
  void update(Slot& slot) override;

 private:
  LossCurvature estimate(const Tensor& loss) const;
  void average(const std::vector<Tensor>& estimate);

  std::vector<Tensor> estimate_ = {};  ///< of each parameter's Hessian diagonal, in a step that makes one
};

}  // namespace newtape::optim
