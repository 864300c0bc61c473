// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/least_squares/blocks/problem.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace newtape::optim {

namespace {

/// "LeastSquaresProblem::add, group 2 (reprojection): argument 1".
std::string block_argument_text(std::size_t group, const BlockOptions& options, std::size_t argument) {
  const std::string name = options.name.empty() ? "" : " (" + options.name + ")";
  return fmt::format("LeastSquaresProblem::add, group {}{}: argument {}", group, name, argument);
}

std::int64_t block_rows_of(const Tensor& x, const std::string& where) {
  if (x.ndim() == 0) raise<ShapeError>(where + " must have a row for each block", "[n, ..]", describe(x.value()));
  return x.shape(0);
}

/// The number of blocks: rows of the first index or data; a parameter's own where there is none.
std::int64_t block_count_of(const std::vector<BlockArgument>& arguments, std::size_t group,
                            const BlockOptions& options) {
  std::int64_t alone = 1;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const auto& a = arguments[k];
    if (a.tensor().defined()) return block_rows_of(a.tensor(), block_argument_text(group, options, k));
    if (a.is_parameter() && a.parameter().ndim() > 0) alone = std::max(alone, a.parameter().shape(0));
  }
  return alone;
}

std::vector<std::int64_t> block_indices_of(const BlockArgument& a, std::int64_t n, const std::string& where) {
  const std::int64_t m = a.parameter().shape(0);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  if (!a.tensor().defined()) {
    if (m != n && m != 1) {
      raise<ShapeError>(where + ": a parameter without an index must have a row for each block, or one for all",
                        fmt::format("[{}, d] or [1, d]", n), describe(a.parameter().value()));
    }
    if (m == n) std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }
  if (a.tensor().ndim() != 1 || a.tensor().shape(0) != n) {
    raise<ShapeError>(where + ": the index must have one entry for each block", fmt::format("[{}]", n),
                      describe(a.tensor().value()));
  }
  const Array index = core::contiguous(core::as_indices("LeastSquaresProblem::add", a.tensor().value()));
  const auto* from = index.data<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    if (from[i] < 0 || from[i] >= m) {
      raise<ValueError>(fmt::format("{}: the index of block {} is out of range", where, i),
                        fmt::format("0 to {}, the rows of the parameter", m - 1), fmt::format("{}", from[i]));
    }
    rows[static_cast<std::size_t>(i)] = from[i];
  }
  return rows;
}

}  // namespace

void LeastSquaresProblem::expect_arguments(std::size_t expected, std::size_t got) {
  if (expected == got) return;
  raise<ValueError>("LeastSquaresProblem::add: the function takes another number of arguments",
                    fmt::format("{} arguments", expected), fmt::format("{}", got));
}

void LeastSquaresProblem::add(Function f, std::vector<BlockArgument> arguments, BlockOptions options) {
  if (!f) raise<ValueError>("LeastSquaresProblem::add: there is no function", "a function of the arguments", "empty");
  if (!(options.loss_scale > 0) || !std::isfinite(options.loss_scale)) {
    raise<ValueError>("LeastSquaresProblem::add: loss_scale must be positive", "> 0",
                      fmt::format("{}", options.loss_scale));
  }
  const std::size_t number = groups_.size();
  Group group;
  group.f = std::move(f);
  group.options = std::move(options);
  group.count = block_count_of(arguments, number, group.options);
  std::vector<Parameter> parameters = parameters_;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const auto& a = arguments[k];
    const std::string where = block_argument_text(number, group.options, k);
    group.parameter.push_back(-1);
    group.index.emplace_back();
    if (!a.is_parameter()) {
      if (!a.tensor().defined()) raise<ValueError>(where + " is undefined", "a parameter or data", "undefined");
      if (const std::int64_t n = block_rows_of(a.tensor(), where); n != group.count) {
        raise<ShapeError>(where + ": data must have a row for each block", fmt::format("[{}, ..]", group.count),
                          describe(a.tensor().value()));
      }
      continue;
    }
    const Parameter& p = a.parameter();
    if (p.ndim() != 2) raise<ShapeError>(where + ": a parameter must be rows", "[m, d]", describe(p.value()));
    expect_floating("LeastSquaresProblem::add", p.value());
    if (!parameters.empty() && p.dtype() != parameters[0].dtype()) {
      raise<DTypeError>(where + ": all parameters must have one dtype", newtape::name(parameters[0].dtype()),
                        newtape::name(p.dtype()));
    }
    group.index.back() = block_indices_of(a, group.count, where);
    const auto at = std::find(parameters.begin(), parameters.end(), p);
    group.parameter.back() = at - parameters.begin();
    if (at == parameters.end()) parameters.push_back(p);
  }
  if (std::all_of(group.parameter.begin(), group.parameter.end(), [](std::int64_t p) { return p < 0; })) {
    raise<ValueError>(fmt::format("LeastSquaresProblem::add, group {}: there is nothing to fit", number),
                      "a parameter among the arguments", fmt::format("{} arguments of data", arguments.size()));
  }
  group.arguments = std::move(arguments);
  for (std::size_t i = parameters_.size(); i < parameters.size(); ++i) {
    manifolds_.push_back(Manifold::euclidean(parameters[i].shape(1)));
    held_.emplace_back(static_cast<std::size_t>(parameters[i].shape(0)), false);
  }
  parameters_ = std::move(parameters);
  groups_.push_back(std::move(group));
}

std::size_t LeastSquaresProblem::position(const char* op, const Parameter& parameter) const {
  const auto at = std::find(parameters_.begin(), parameters_.end(), parameter);
  if (at == parameters_.end()) {
    raise<ValueError>(fmt::format("LeastSquaresProblem::{}: the parameter is not in the problem", op),
                      "one that a group was added with", "another");
  }
  return static_cast<std::size_t>(at - parameters_.begin());
}

void LeastSquaresProblem::set_manifold(const Parameter& parameter, Manifold manifold) {
  const std::size_t at = position("set_manifold", parameter);
  if (manifold.size != parameter.shape(1) || manifold.tangent < 0 || manifold.tangent > manifold.size ||
      (!manifold.plus && manifold.tangent != manifold.size)) {
    raise<ValueError>("LeastSquaresProblem::set_manifold: the manifold does not fit the parameter's rows",
                      fmt::format("size {}, tangent up to that, and plus", parameter.shape(1)),
                      fmt::format("{}: size {}, tangent {}", manifold.name, manifold.size, manifold.tangent));
  }
  manifolds_[at] = std::move(manifold);
}

void LeastSquaresProblem::hold(const Parameter& parameter, const std::vector<std::int64_t>& rows) {
  auto& held = held_[position("hold", parameter)];
  for (const std::int64_t r : rows) {
    if (r < 0 || r >= parameter.shape(0)) {
      raise<ValueError>("LeastSquaresProblem::hold: a row does not exist",
                        fmt::format("0 to {}", parameter.shape(0) - 1), fmt::format("{}", r));
    }
  }
  for (const std::int64_t r : rows) held[static_cast<std::size_t>(r)] = true;
}

void LeastSquaresProblem::hold(const Parameter& parameter) {
  auto& held = held_[position("hold", parameter)];
  std::fill(held.begin(), held.end(), true);
}

std::int64_t LeastSquaresProblem::blocks() const noexcept {
  std::int64_t n = 0;
  for (const auto& g : groups_) n += g.count;
  return n;
}

}  // namespace newtape::optim
