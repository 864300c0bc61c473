// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tape.hpp>

#include <functional>
#include <span>
#include <utility>
#include <vector>

/// Derivatives of functions, as functions. They compose: a result is part of the graph when recording is on and the
/// inputs, the vectors or what the function captured are, so that it can be differentiated like any other. Where only
/// a number is wanted, and the function uses parameters that train, `NoGrad` around the call saves that recording.
///
/// A function may also give several tensors; functions of one tensor have overloads of their own.
namespace newtape {

/// A function of several tensors, of one tensor, and of several tensors with several results.
using Function = std::function<Tensor(std::span<const Tensor>)>;
using UnaryFunction = std::function<Tensor(const Tensor&)>;
using MultiFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

// --- gradients of functions with one number as result ---

/// The function whose value is the gradient of f: `grad(grad(f))(x)` is the second derivative of a scalar function.
UnaryFunction grad(UnaryFunction f);
MultiFunction grad(Function f);
/// f(x) and its gradient. ShapeError unless f returns one element.
std::pair<Tensor, Tensor> value_and_grad(const UnaryFunction& f, const Tensor& x);
std::pair<Tensor, std::vector<Tensor>> value_and_grad(const Function& f, std::span<const Tensor> xs);

// --- products with the Jacobian; the vectors may carry extra leading axes (a batch), and the products then do too ---

/// f(xs), and its Jacobian's product with tangents `vs` (of the shapes of `xs`). Exact: the pullback is linear in its
/// cotangent, so its own derivative in the cotangent is the forward derivative (Townsend 2017).
std::pair<Tensor, Tensor> jvp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> jvp(const UnaryFunction& f, const Tensor& x, const Tensor& v);
std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const MultiFunction& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> vs);
/// f(xs), and a cotangent's product with the Jacobian in each of `xs`.
std::pair<Tensor, std::vector<Tensor>> vjp(const Function& f, std::span<const Tensor> xs, const Tensor& cotangent);
std::pair<Tensor, Tensor> vjp(const UnaryFunction& f, const Tensor& x, const Tensor& cotangent);
std::pair<std::vector<Tensor>, std::vector<Tensor>> vjp(const MultiFunction& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> cotangents);

/// f at a point and its Jacobian there as a linear map in both directions. f is evaluated once, whatever the number of
/// products; what it recorded lives as long as this.
class Linearization {
 public:
  Linearization(const MultiFunction& f, std::span<const Tensor> xs);
  Linearization(const Function& f, std::span<const Tensor> xs);

  const std::vector<Tensor>& values() const noexcept { return values_; }
  /// J v: one for each result.
  std::vector<Tensor> jvp(std::span<const Tensor> vs) const;
  /// J^T g: one for each input.
  std::vector<Tensor> vjp(std::span<const Tensor> gs) const;

 private:
  std::vector<Tensor> xs_;
  std::vector<Tensor> ys_;
  std::vector<Tensor> values_;
  mutable std::vector<Tensor> us_;
  mutable std::vector<Tensor> pulled_;
  bool record_ = false;
};

// --- products with second derivatives of functions with one number as result ---

/// f(xs), and the product of its Hessian with `vs` (of the shapes of `xs`): the gradient of <gradient, v>.
std::pair<Tensor, std::vector<Tensor>> hvp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> hvp(const UnaryFunction& f, const Tensor& x, const Tensor& v);
/// f(xs) and v^T H; the same as hvp, as a Hessian is symmetric.
std::pair<Tensor, std::vector<Tensor>> vhp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> vhp(const UnaryFunction& f, const Tensor& x, const Tensor& v);

/// A function at a point with its gradient, and its Hessian as a linear map: for many products at one point, as
/// conjugate gradients need them. f and its gradient are evaluated once.
class HessianProduct {
 public:
  HessianProduct(const Function& f, std::span<const Tensor> xs);
  const Tensor& value() const noexcept { return value_; }
  const std::vector<Tensor>& gradient() const noexcept { return gradient_; }
  /// H v.
  std::vector<Tensor> operator()(std::span<const Tensor> vs) const;

 private:
  std::vector<Tensor> xs_;
  std::vector<Tensor> gs_;
  Tensor value_;
  std::vector<Tensor> gradient_;
  bool record_ = false;
};

/// f(xs), and the Gauss-Newton product J^T H J v for a loss(f(xs)): J is the Jacobian of `f`, and H the Hessian of
/// `loss` at its result (Schraudolph 2002). Positive semidefinite wherever the loss is convex in the result.
std::pair<Tensor, std::vector<Tensor>> gnvp(const Function& f, const UnaryFunction& loss, std::span<const Tensor> xs,
                                            std::span<const Tensor> vs);
std::pair<Tensor, Tensor> gnvp(const UnaryFunction& f, const UnaryFunction& loss, const Tensor& x, const Tensor& v);
/// The same for half the sum of squares as the loss: f(xs) and J^T J v.
std::pair<Tensor, std::vector<Tensor>> gnvp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> gnvp(const UnaryFunction& f, const Tensor& x, const Tensor& v);

// --- fields: f(x) for rows x [.., d] of coordinates, each result made from its own row only ---

/// The sum of the second derivatives along the coordinates: f maps [.., d] to [..], and so does this.
Tensor laplacian(const UnaryFunction& f, const Tensor& x);
/// The sum of df_i/dx_i: f maps [.., d] to [.., d], and this to [..].
Tensor divergence(const UnaryFunction& f, const Tensor& x);

}  // namespace newtape
