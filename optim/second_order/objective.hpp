// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/second_order/budget.hpp>
#include <newtape/optim/second_order/captured_calls.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <functional>
#include <vector>

namespace newtape::optim {

/// v -> A v for vectors [n].
using Product = std::function<Array(const Array& v)>;

/// A function of one tensor x with derivatives given as formulas; autograd takes the missing ones from `value`. They
/// are called with recording off.
struct DifferentiableFunction {
  UnaryFunction value;          ///< one element
  UnaryFunction gradient = {};  ///< of x's shape
  UnaryFunction hessian = {};   ///< [n, n], for the n elements of x in order
};

/// A scalar function of tensors as a function of one vector, the concatenation of all their elements. Counts
/// evaluations; records nothing. Evaluations and products throw BudgetSpent once `budget` is used up.
///
/// A NumericalError in the function (at a singular matrix, say) makes its value NaN there.
class Objective {
 public:
  /// `xs` give the shapes and the dtype, which must be one float dtype. ValueError, DTypeError.
  Objective(Function f, std::span<const Tensor> xs);
  /// loss(outputs(xs)), two functions for the generalised Gauss-Newton curvatures.
  Objective(Function outputs, UnaryFunction loss, std::span<const Tensor> xs);

  /// With the given derivatives, whose shapes are checked at each call: ShapeError, DTypeError.
  Objective(DifferentiableFunction f, const Tensor& x);

  /// Records the function, its gradient, its Hessian and products with it when they are first evaluated, and replays them
  /// from then on; products only if a replay, which evaluates the function and its gradient again, is faster than a sweep.
  /// Formulas for derivatives, and products with other curvatures, are called as they are.
  void capture();

  /// The number of unknowns, n, and their dtype.
  std::int64_t size() const noexcept { return size_; }
  DType dtype() const noexcept { return dtype_; }
  /// All elements of the tensors, [n], and back.
  Array flatten(std::span<const Tensor> xs) const;
  std::vector<Tensor> split(const Array& x) const;

  /// f at x [n].
  double value(const Array& x);
  /// `gradient` is written only when the value is finite.
  double value_and_gradient(const Array& x, Array& gradient);
  /// [n, n].
  Array hessian(const Array& x);
  /// The Hessian as a linear map. f and its gradient are evaluated once.
  Product hessian_product(const Array& x);

  /// Whether it was constructed from outputs and loss.
  bool has_outputs() const noexcept { return static_cast<bool>(loss_); }
  /// J^T H J: the Jacobian of the outputs, the Hessian of the loss (Schraudolph 2002). ValueError unless constructed
  /// from outputs and loss.
  Product generalized_gauss_newton_product(const Array& x);
  /// [n, n].
  Array generalized_gauss_newton(const Array& x);

  Counts counts;
  Budget budget;  ///< no limits but in a run

 private:
  /// Counts one evaluation or product. BudgetSpent.
  void count(std::int64_t Counts::*which) {
    budget.expect(counts);
    ++(counts.*which);
  }
  void expect_outputs() const;
  /// The given gradient or Hessian at x.
  Array given(const char* which, const UnaryFunction& f, const Array& x, const Shape& shape) const;
  /// Concatenation to, and split of, vectors [n] or batches of them [k, n].
  Array join(std::span<const Tensor> parts) const;
  std::vector<Tensor> split_batch(const Array& v) const;
  std::function<Array(const Array&)> generalized_gauss_newton_map(const Array& x);
  class ProductAtPoint;

  Function f_;
  Function outputs_;
  UnaryFunction loss_;
  UnaryFunction gradient_;  ///< empty: by autograd
  UnaryFunction hessian_;   ///< empty: by autograd
  CapturedCalls value_calls_, gradient_calls_, hessian_calls_, product_calls_;
  int products_tried_ = 0;                   ///< of captured products, until it is known which way is faster
  double sweep_time_ = 0, replay_time_ = 0;  ///< s, the least so far
  std::vector<Shape> shapes_;
  DType dtype_ = f64;
  std::int64_t size_ = 0;
};

}  // namespace newtape::optim
