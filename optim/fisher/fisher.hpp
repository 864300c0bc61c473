// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>

#include <span>
#include <utility>
#include <vector>

/// Fisher information. For a loss that is the negative logarithm of a likelihood of exponential form in its natural
/// parameters (softmax cross-entropy, logistic, squared and Poisson errors), the Fisher matrix of a model's parameters
/// is the generalised Gauss-Newton matrix J^T H J: J the Jacobian of the outputs, H the loss's Hessian in them (Martens
/// 2020, section 9.2). So it is taken here: scaled as the loss is, weights of classes and ignored targets included.
namespace newtape::optim {

/// J^T H J at a point as a linear map, with the loss and its gradient there. The outputs are evaluated once.
class FisherProduct {
 public:
  FisherProduct(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> xs);

  const Tensor& value() const noexcept { return h_.value(); }
  std::vector<Tensor> gradient() const { return j_.vjp(h_.gradient()); }
  std::vector<Tensor> operator()(std::span<const Tensor> vs) const { return j_.vjp(h_(j_.jvp(vs))); }

 private:
  Linearization j_;
  HessianProduct h_;
};

/// The same for the empirical Fisher matrix, the mean of g g^T over the gradients g of the samples' losses [n]; value
/// and gradient are those of their mean. Away from a minimum it is no approximation of the other one (Kunstner et al.
/// 2019). ShapeError unless `losses` gives a vector.
class EmpiricalFisherProduct {
 public:
  EmpiricalFisherProduct(const Function& losses, std::span<const Tensor> xs);

  const Tensor& value() const noexcept { return value_; }
  std::vector<Tensor> gradient() const;
  std::vector<Tensor> operator()(std::span<const Tensor> vs) const;

 private:
  Linearization j_;
  Tensor value_;
};

/// J^T H J v for `vs` of the shapes of `xs`, with the outputs; the same as gnvp.
std::pair<Tensor, std::vector<Tensor>> fisher_product(const Function& outputs, const UnaryFunction& loss,
                                                      std::span<const Tensor> xs, std::span<const Tensor> vs);
/// J^T J v / n for the losses of n samples, with their mean.
std::pair<Tensor, std::vector<Tensor>> empirical_fisher_product(const Function& losses, std::span<const Tensor> xs,
                                                                std::span<const Tensor> vs);
/// Both as matrices [p, p] over all elements of `xs`, which must have one dtype.
Tensor fisher(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> xs);
Tensor empirical_fisher(const Function& losses, std::span<const Tensor> xs);

/// Of what kind a loss is, as a function of the model's outputs.
enum class Likelihood {
  categorical,  ///< softmax cross-entropy over the last axis
  independent,  ///< each output by itself: squared, logistic, Poisson errors
};

/// Cotangents c [k, outputs..] whose outer products sum to the loss's Hessian at `outputs` [.., d], apart from its
/// elements between rows: k = d. ValueError when the Hessian is not of the kind that `likelihood` says.
Tensor fisher_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood);
/// `samples` random ones, of which that is the expectation: gradients of losses for targets that were drawn from the
/// model's own prediction (of these moments).
Tensor sampled_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood, std::int64_t samples,
                          Generator& generator);

}  // namespace newtape::optim
