// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/least_squares/blocks/manifold.hpp>
#include <newtape/optim/least_squares/robust.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace newtape::optim {

/// An argument of a group's residuals: the rows of a parameter [m, d] that an index [n] names, row index[i] for residual
/// block i; or data with n rows.
class BlockArgument {
 public:
  /// Row index[i] of the parameter for residual block i; the index is of integers.
  BlockArgument(Parameter parameter, Tensor index) : parameter_(std::move(parameter)), tensor_(std::move(index)) {}
  /// Row i for block i, or the only row for all.
  BlockArgument(Parameter parameter) : parameter_(std::move(parameter)) {}
  /// Row i of the data [n, ..] for block i, a constant.
  BlockArgument(Tensor data) : tensor_(std::move(data)) {}

  /// Whether it is made of rows of a parameter.
  bool is_parameter() const noexcept { return parameter_.defined(); }
  /// The parameter; without a cell for data.
  const Parameter& parameter() const noexcept { return parameter_; }
  /// The index, undefined where there is none; or the data.
  const Tensor& tensor() const noexcept { return tensor_; }

 private:
  Parameter parameter_;
  Tensor tensor_;
};

/// Options of LeastSquaresProblem::add: how a group of residuals counts.
struct BlockOptions {
  /// Of the norm |r_i| of each block: half the sum of rho(|r_i|^2) is minimised.
  RobustLoss loss = RobustLoss::linear;
  double loss_scale = 1;  ///< larger norms count as outliers
  std::string name = {};  ///< in messages
};

/// A sum of squares of many small blocks of residuals, each of which depends on a few rows of parameters: bundle
/// adjustment, pose graphs, calibration. A group of blocks is one function of all of them at once:
///
///     optim::LeastSquaresProblem problem;
///     problem.add([](const nt::Tensor& camera, const nt::Tensor& point, const nt::Tensor& seen) {
///                   return project(camera, point) - seen;  // [n, 9], [n, 3], [n, 2] -> [n, 2]
///                 }, {{cameras, camera_index}, {points, point_index}, pixels}, {.loss = optim::RobustLoss::huber});
///     const auto fit = optim::least_squares(problem);
///
/// Row i of the result must depend on row i of the arguments only; the function is called with any number of rows.
class LeastSquaresProblem {
 public:
  /// Adds n blocks of r residuals: `f` maps the arguments, of n rows each, to [n, r] or [n]. Data of the blocks belong
  /// among the arguments, since f sees parts of the rows. Parameters are [m, d] and floats; frozen ones are constants.
  /// ShapeError, DTypeError for arguments that do not fit; ValueError for an index out of range, for no parameter among
  /// the arguments, and for a scale that is not positive.
  void add(Function f, std::vector<BlockArgument> arguments, BlockOptions options = {});
  /// The same for a function of one to eight tensors.
  template <class F>
    requires(!std::is_invocable_v<F, std::span<const Tensor>>)
  void add(F f, std::vector<BlockArgument> arguments, BlockOptions options = {}) {
    constexpr std::size_t count = arity<F>(std::make_index_sequence<8>());
    expect_arguments(count, arguments.size());
    add(spread(std::move(f), std::make_index_sequence<count>()), std::move(arguments), std::move(options));
  }

  /// The rows of the parameter stay in this manifold, where they must be already. ValueError unless the parameter is in
  /// the problem and has rows of the manifold's size.
  void set_manifold(const Parameter& parameter, Manifold manifold);
  /// Rows of the parameter, or all of them, are constants; another call adds to these. ValueError unless the parameter is
  /// in the problem and has these rows.
  void hold(const Parameter& parameter, const std::vector<std::int64_t>& rows);
  void hold(const Parameter& parameter);

  /// The parameters, in the order in which they were first named.
  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }
  /// The number of blocks of residuals.
  std::int64_t blocks() const noexcept;

  /// A group, as it was added. For the implementation.
  struct Group {
    Function f;
    std::vector<BlockArgument> arguments;
    BlockOptions options;
    std::int64_t count = 0;                        ///< n
    std::vector<std::int64_t> parameter;           ///< of each argument: its position in parameters(), -1 for data
    std::vector<std::vector<std::int64_t>> index;  ///< of each argument: the rows, empty for data
  };
  /// The groups that were added.
  const std::vector<Group>& groups() const noexcept { return groups_; }
  /// The manifold of a parameter, by its position.
  const Manifold& manifold(std::size_t parameter) const { return manifolds_[parameter]; }
  /// Whether each row of a parameter is held, by its position.
  const std::vector<bool>& held(std::size_t parameter) const { return held_[parameter]; }

 private:
  template <class T, std::size_t>
  using Each = T;
  template <class F, std::size_t... i>
  static constexpr bool takes(std::index_sequence<i...>) {
    return std::is_invocable_v<F, Each<const Tensor&, i>...>;
  }
  template <class F, std::size_t... i>
  static constexpr std::size_t arity(std::index_sequence<i...>) {
    std::size_t count = 0;
    ((count == 0 && takes<F>(std::make_index_sequence<i + 1>()) ? count = i + 1 : 0), ...);
    return count;
  }
  template <class F, std::size_t... i>
  static Function spread(F f, std::index_sequence<i...>) {
    static_assert(sizeof...(i) > 0, "a function of one to eight tensors, or of a span of them");
    return [f = std::move(f)](std::span<const Tensor> x) -> Tensor { return f(x[i]...); };
  }
  static void expect_arguments(std::size_t expected, std::size_t got);
  std::size_t position(const char* op, const Parameter& parameter) const;

  std::vector<Parameter> parameters_;
  std::vector<Manifold> manifolds_;
  std::vector<std::vector<bool>> held_;
  std::vector<Group> groups_;
};

}  // namespace newtape::optim
