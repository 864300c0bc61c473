// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/optim/least_squares/blocks/layout.hpp>
#include <newtape/optim/second_order/budget.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <cstdint>
#include <vector>

namespace newtape::optim {

/// The residuals of a problem and the blocks of their Jacobian, in f64. Groups are evaluated in chunks of blocks whose
/// arrays stay in the cache; a Jacobian takes one reverse sweep with r cotangents a chunk. Products and evaluations
/// throw BudgetSpent. A NumericalError in a function makes the value NaN.
class BlockResiduals {
 public:
  BlockResiduals(const LeastSquaresProblem& problem, BlockLayout layout);

  /// An argument of a group that has unknowns: its columns in the rows of the group's Jacobian.
  struct Argument {
    std::size_t position = 0;  ///< among the function's arguments
    std::size_t variable = 0;
    std::int64_t tangent = 0, offset = 0;
    std::vector<std::int64_t> column;  ///< of each block, in a step; -1 for a constant
  };
  struct Group {
    std::size_t number = 0;
    std::int64_t count = 0;
    std::int64_t r = -1;     ///< residuals of a block; -1: not evaluated yet
    std::int64_t width = 0;  ///< columns of all unknown arguments
    std::int64_t first = 0;  ///< its first residual
    std::vector<Argument> unknown;
    std::vector<double> jacobian;  ///< [count, r, width], weighted
  };

  const BlockLayout& layout() const noexcept { return layout_; }
  const std::vector<Group>& groups() const noexcept { return groups_; }
  /// The number of residuals; 0 before the first evaluation.
  std::int64_t rows() const noexcept { return rows_; }

  /// The values of the parameters as a point, [elements], and back, in their dtype.
  Array start() const;
  std::vector<Tensor> split(const Array& x) const;
  /// The point reached from x by a step, in the parameters' dtype. ShapeError for a manifold whose points have other
  /// shapes.
  Array moved(const Array& x, const std::vector<double>& step) const;
  /// ValueError unless each manifold's step of zeros leaves x where it is.
  void expect_manifolds(const Array& x) const;

  /// Half the sum of rho. ShapeError, DTypeError when a function does not return a row of residuals for each block.
  double value(const Array& x);
  /// The value, with the weighted residuals and Jacobian, the gradient, and the squared norms of the columns. Weights are
  /// Triggs' (Triggs et al. 2000, section 3.4; for rho'' > 0 only), or `plain`: sqrt(rho').
  double linearize(const Array& x, bool plain = false);
  const std::vector<double>& gradient() const noexcept { return gradient_; }
  const std::vector<double>& squares() const noexcept { return squares_; }
  /// The weighted residuals of the last linearization.
  const std::vector<double>& weighted() const noexcept { return weighted_; }
  /// The derivative of element i of a row's point with respect to element j of its step, at the last linearization.
  double basis(std::size_t variable, std::int64_t row, std::int64_t i, std::int64_t j) const;
  /// J s [rows] for a step s.
  std::vector<double> forward(const std::vector<double>& step) const;
  /// The rounding error of the value, if residuals are sums of terms of the size of themselves and of J x.
  double noise(const Array& x) const;

  Counts counts;
  Budget budget;

 private:
  struct Chunk {
    std::int64_t first = 0, count = 0;
  };
  Array rows(const Array& x, std::size_t variable, const std::int64_t* index, std::int64_t count) const;
  std::vector<Tensor> arguments(const Group& g, const Array& x, const Chunk& chunk) const;
  Array checked(Group& g, const Tensor& y, const Chunk& chunk);
  template <class F>
  void each_chunk(F&& f);
  void settle_sizes();
  void differentiate(Group& g, const Array& x, const Chunk& chunk);
  double weigh(Group& g, const Chunk& chunk, bool plain);
  void read_jacobian(Group& g, const Argument& a, const Array& pulled, const Chunk& chunk);
  void update_bases(const Array& x);

  LeastSquaresProblem problem_;
  BlockLayout layout_;
  std::vector<Group> groups_;
  std::vector<std::vector<Array>> data_;  ///< of each group's arguments; matrices by columns
  std::vector<std::vector<double>>
      bases_;  ///< of each variable: d plus / d delta [rows, size, tangent]; empty: identity
  std::int64_t rows_ = 0;
  std::vector<double> weighted_, gradient_, squares_;
};

}  // namespace newtape::optim
