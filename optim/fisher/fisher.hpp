// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>

#include <span>
#include <utility>
#include <vector>

/// Fisher information. For a loss that is the negative logarithm of a likelihood of exponential form in its natural
/// parameters (softmax cross-entropy, logistic, squared and Poisson errors), the Fisher matrix of a model's parameters
/// is the generalised Gauss-Newton matrix J^T H J: J the Jacobian of the outputs, H the loss's Hessian in them (Martens
/// 2020, section 9.2). Functions here compute that matrix, scaled like the loss, class weights and ignored targets
/// included.
namespace newtape::optim {

/// J^T H J at a point as a linear map, with the loss and its gradient there. The outputs are evaluated once.
class FisherProduct {
 public:
  FisherProduct(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> xs);

  /// The loss, and its gradient in `xs`.
  const Tensor& value() const noexcept { return h_.value(); }
  std::vector<Tensor> gradient() const { return j_.vjp(h_.gradient()); }
  /// J^T H J v, for `vs` of the shapes of `xs`.
  std::vector<Tensor> operator()(std::span<const Tensor> vs) const { return j_.vjp(h_(j_.jvp(vs))); }

 private:
  Linearization j_;
  HessianProduct h_;
};

/// The same for the empirical Fisher matrix, the mean of g g^T over the gradients g of the samples' losses [n]; value
/// and gradient are those of their mean. Away from a minimum it does not approximate the Fisher matrix (Kunstner et al.
/// 2019). ShapeError unless `losses` gives a vector.
class EmpiricalFisherProduct {
 public:
  EmpiricalFisherProduct(const Function& losses, std::span<const Tensor> xs);

  /// The mean loss, and its gradient in `xs`.
  const Tensor& value() const noexcept { return value_; }
  std::vector<Tensor> gradient() const;
  /// The product with `vs`, of the shapes of `xs`.
  std::vector<Tensor> operator()(std::span<const Tensor> vs) const;

 private:
  Linearization j_;
  Tensor value_;
};

/// J^T H J v for `vs` of the shapes of `xs`, with the outputs; the same as gnvp.
std::pair<Tensor, std::vector<Tensor>> fisher_product(const Located<Function>& outputs, const UnaryFunction& loss,
                                                      std::span<const Tensor> xs, std::span<const Tensor> vs);
/// J^T J v / n for the losses of n samples, with their mean.
std::pair<Tensor, std::vector<Tensor>> empirical_fisher_product(const Located<Function>& losses,
                                                                std::span<const Tensor> xs, std::span<const Tensor> vs);
/// Both as matrices [p, p] over all elements of `xs`, which must have one dtype.
Tensor fisher(const Located<Function>& outputs, const UnaryFunction& loss, std::span<const Tensor> xs);
Tensor empirical_fisher(const Located<Function>& losses, std::span<const Tensor> xs);

/// The kind of the likelihood, as a function of the model's outputs.
enum class Likelihood {
  categorical,  ///< softmax cross-entropy over the last axis
  independent,  ///< a separate one for each output: squared, logistic, Poisson errors
};

/// Cotangents c [k, outputs..], k = d, whose outer products sum to the loss's Hessian at `outputs` [.., d], within
/// rows. ValueError when the Hessian is not of the kind of `likelihood`.
Tensor fisher_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood);
/// `samples` random cotangents, whose outer products sum to it in expectation: gradients of losses for targets drawn
/// from the model's prediction (or of the same moments).
Tensor sampled_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood, std::int64_t samples,
                          Generator& generator);

}  // namespace newtape::optim
