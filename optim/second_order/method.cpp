// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/second_order/method.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace newtape::optim {

Array Curvature::matrix() {
  const Array identity = core::eye(size_, dtype_);
  std::vector<Array> rows;
  rows.reserve(static_cast<std::size_t>(size_));
  for (std::int64_t i = 0; i < size_; ++i) {
    const Array unit = core::reshape(core::slice(identity, 0, i, i + 1), {size_});
    rows.push_back(core::reshape(product(unit), {1, size_}));
  }
  return rows.empty() ? identity : core::concatenate(rows, 0);
}

std::vector<Tensor> expand_bounds(const char* op, const char* which, const std::vector<Tensor>& given,
                                  std::span<const Tensor> x0) {
  if (given.size() != x0.size()) {
    raise<ValueError>(fmt::format("{}: {} must be empty or have one tensor for each starting point", op, which),
                      fmt::format("0 or {}", x0.size()), fmt::format("{}", given.size()));
  }
  std::vector<Tensor> all;
  all.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const DType dtype = x0[i].dtype();
    if (!given[i].defined() || given[i].dtype() != dtype) {
      raise<DTypeError>(fmt::format("{}: {} must have the dtype of the starting points", op, which), name(dtype),
                        given[i].defined() ? name(given[i].dtype()) : "an undefined tensor");
    }
    all.emplace_back(core::copy(core::expand(given[i].value(), x0[i].shape())));
  }
  return all;
}

Bounds::Bounds(const char* op, Array lower_bound, Array upper_bound)
    : lower(std::move(lower_bound)), upper(std::move(upper_bound)) {
  if (lower.defined() && upper.defined() && core::any(core::greater(lower, upper)).item<bool>()) {
    raise<ValueError>(fmt::format("{}: a lower bound is above its upper bound", op));
  }
}

Array Bounds::project(Array x) const {
  if (lower.defined()) x = core::maximum(std::move(x), lower);
  if (upper.defined()) x = core::minimum(std::move(x), upper);
  return x;
}

Array Bounds::projected_step(const Array& x, const Array& gradient) const {
  if (!any()) return -gradient;
  return project(x - gradient) - x;
}

Array Bounds::free(const Array& x, const Array& gradient) const {
  if (!any()) return {};
  const Array zero = core::zeros({}, x.dtype());
  Array held = core::zeros(x.shape(), boolean);
  if (lower.defined()) {
    held = core::logical_or(held, core::logical_and(core::less_equal(x, lower), core::greater(gradient, zero)));
  }
  if (upper.defined()) {
    held = core::logical_or(held, core::logical_and(core::greater_equal(x, upper), core::less(gradient, zero)));
  }
  Array free = core::cast(core::logical_not(held), x.dtype());
  return core::dot(free, free) == static_cast<double>(x.size()) ? Array() : free;
}

}  // namespace newtape::optim
