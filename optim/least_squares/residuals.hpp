// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/second_order/budget.hpp>
#include <newtape/optim/second_order/captured_calls.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace newtape::optim {

/// Residuals, a function of tensors, as a function of one vector x [n] with values [m]. The function is evaluated in
/// the tensors' dtype; the vectors here are f64. Counts evaluations; records nothing. Evaluations and products throw
/// BudgetSpent once `budget` is used up.
///
/// A NumericalError in the function or its derivatives makes its residuals or their products NaN there.
class Residuals {
 public:
  /// `xs` give the shapes and the dtype, which must be one float dtype. Messages begin with `op`. ValueError,
  /// DTypeError.
  Residuals(const char* op, Function f, std::span<const Tensor> xs);

  /// Records the function, its Jacobian and its curvature when they are first evaluated, and replays them from then on.
  /// Products with the Jacobian are computed as they are.
  void capture();

  std::int64_t size() const noexcept { return size_; }
  DType dtype() const noexcept { return dtype_; }
  const std::vector<Shape>& shapes() const noexcept { return shapes_; }
  /// The shape of the function's last result.
  const Shape& result_shape() const noexcept { return result_shape_; }

  /// All elements of the tensors, [n], and back, in their dtype.
  Array flatten(std::span<const Tensor> xs) const;
  std::vector<Tensor> split(const Array& x) const;
  /// x rounded to the tensors' dtype.
  Array rounded(const Array& x) const;

  /// [m]. ValueError when there are none or their number changes, DTypeError unless they have the dtype of the points.
  /// `counted`: as what; an evaluation that stands for a product with derivatives counts as one.
  Array value(const Array& x, std::int64_t Counts::*counted = &Counts::values);
  /// [m], and the Jacobian [m, n].
  Array value_and_jacobian(const Array& x, Array& jacobian);

  /// The second derivative of the residuals along v, [m]: d^2/dt^2 r(x + t v) at t = 0.
  Array curvature(const Array& x, const Array& v);

  /// The residuals at x and products with the Jacobian there: J v [m] for v [n], J^T g [n] for g [m].
  struct Products {
    Array value;
    std::function<Array(const Array& v)> forward;
    std::function<Array(const Array& g)> transposed;
  };
  Products products(const Array& x);

  /// A note when the function at x broadcasts a column [n, 1] and a vector [n] to [n, n] residuals, which are rarely meant;
  /// empty otherwise. Calls it once, where their shape is of this kind.
  std::string broadcasting_note(const Array& x) const;

  Counts counts;
  Budget budget;  ///< no limits but in a run

 private:
  /// Counts one evaluation or product. BudgetSpent.
  void count(std::int64_t Counts::*which) {
    budget.expect(counts);
    ++(counts.*which);
  }
  void expect(const Tensor& r);
  /// n times NaN.
  static Array nan(std::int64_t n);
  Array nan_residuals() const { return nan(std::max<std::int64_t>(count_, 1)); }

  const char* op_;
  Function f_;
  std::vector<Shape> shapes_;
  Shape result_shape_;
  DType dtype_ = f64;
  std::int64_t size_ = 0;
  CapturedCalls value_calls_, jacobian_calls_, curvature_calls_;
  std::int64_t count_ = -1;  ///< m, once it is known
};

}  // namespace newtape::optim
