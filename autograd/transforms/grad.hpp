// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/tape.hpp>

#include <functional>
#include <span>
#include <utility>
#include <vector>

/// Derivatives of functions, as functions. They compose: a result is recorded, and so differentiable, when recording is
/// on and the inputs, the vectors or the tensors that the function captures are part of a graph. Use `NoGrad` around
/// the call to skip this recording when the function uses trainable parameters and only values are needed.
///
/// A function may also return several tensors; functions of one tensor have separate overloads.
namespace newtape {

/// A function of several tensors, of one tensor, and of several tensors with several results.
using Function = std::function<Tensor(std::span<const Tensor>)>;
using UnaryFunction = std::function<Tensor(const Tensor&)>;
using MultiFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

// --- gradients of scalar-valued functions ---

/// The function whose value is the gradient of f: `grad(grad(f))(x)` is the second derivative of a scalar function.
UnaryFunction grad(Located<UnaryFunction> f);
MultiFunction grad(Located<Function> f);
/// f(x) and its gradient. ShapeError unless f returns one element.
std::pair<Tensor, Tensor> value_and_grad(const Located<UnaryFunction>& f, const Tensor& x);
std::pair<Tensor, std::vector<Tensor>> value_and_grad(const Located<Function>& f, std::span<const Tensor> xs);

// --- products with the Jacobian; extra leading axes of the vectors (a batch) are kept in the products ---

/// f(xs), and its Jacobian's product with tangents `vs` (of the shapes of `xs`). Exact: the pullback is linear in the
/// cotangent, and the transpose of that linear map is the forward derivative (Townsend 2017).
std::pair<Tensor, Tensor> jvp(const Located<Function>& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> jvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v);
std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> vs);
/// f(xs), and the cotangent's product with the Jacobian with respect to each of `xs`.
std::pair<Tensor, std::vector<Tensor>> vjp(const Located<Function>& f, std::span<const Tensor> xs,
                                           const Tensor& cotangent);
std::pair<Tensor, Tensor> vjp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& cotangent);
std::pair<std::vector<Tensor>, std::vector<Tensor>> vjp(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> cotangents);

/// f at a point and its Jacobian there as a linear map in both directions. f is evaluated once for any number of
/// products; its graph lives as long as this.
class Linearization {
 public:
  Linearization(const MultiFunction& f, std::span<const Tensor> xs);
  Linearization(const Function& f, std::span<const Tensor> xs);

  /// The results of f.
  const std::vector<Tensor>& values() const noexcept { return values_; }
  /// J v: one tensor for each result of f.
  std::vector<Tensor> jvp(std::span<const Tensor> vs) const;
  /// J^T g: one tensor for each input.
  std::vector<Tensor> vjp(std::span<const Tensor> gs) const;

 private:
  std::vector<Tensor> xs_;
  std::vector<Tensor> ys_;
  std::vector<Tensor> values_;
  mutable std::vector<Tensor> us_;
  mutable std::vector<Tensor> pulled_;
  bool record_ = false;
};

// --- products with second derivatives of scalar-valued functions ---

/// f(xs), and the product of its Hessian with `vs` (of the shapes of `xs`): the gradient of <gradient, v>.
std::pair<Tensor, std::vector<Tensor>> hvp(const Located<Function>& f, std::span<const Tensor> xs,
                                           std::span<const Tensor> vs);
std::pair<Tensor, Tensor> hvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v);
/// f(xs) and v^T H; the same as hvp, as the Hessian is symmetric.
std::pair<Tensor, std::vector<Tensor>> vhp(const Located<Function>& f, std::span<const Tensor> xs,
                                           std::span<const Tensor> vs);
std::pair<Tensor, Tensor> vhp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v);

/// f at a point with its gradient, and its Hessian as a linear map, for many products at one point (conjugate
/// gradients). f and its gradient are evaluated once.
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

/// f(xs), and the Gauss-Newton product J^T H J v for loss(f(xs)): J is the Jacobian of `f`, and H the Hessian of `loss`
/// at f(xs) (Schraudolph 2002). The matrix is positive semidefinite where `loss` is convex.
std::pair<Tensor, std::vector<Tensor>> gnvp(const Located<Function>& f, const UnaryFunction& loss,
                                            std::span<const Tensor> xs, std::span<const Tensor> vs);
std::pair<Tensor, Tensor> gnvp(const Located<UnaryFunction>& f, const UnaryFunction& loss, const Tensor& x,
                               const Tensor& v);
/// The same for half the sum of squares as the loss: f(xs) and J^T J v.
std::pair<Tensor, std::vector<Tensor>> gnvp(const Located<Function>& f, std::span<const Tensor> xs,
                                            std::span<const Tensor> vs);
std::pair<Tensor, Tensor> gnvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v);

// --- fields: f(x) for rows x [.., d] of coordinates; each result depends on its own row only ---

/// sum_i d^2f/dx_i^2: f maps [.., d] to [..]; result [..].
Tensor laplacian(const Located<UnaryFunction>& f, const Tensor& x);
/// sum_i df_i/dx_i: f maps [.., d] to [.., d]; result [..].
Tensor divergence(const Located<UnaryFunction>& f, const Tensor& x);

}  // namespace newtape
