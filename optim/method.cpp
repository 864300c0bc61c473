// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/core/slice.hpp>
#include <newtape/core/vector.hpp>
#include <newtape/optim/method.hpp>

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

Array Bounds::project(Array x) const {
  if (lower.defined()) x = core::maximum(std::move(x), lower);
  if (upper.defined()) x = core::minimum(std::move(x), upper);
  return x;
}

Array Bounds::projected_step(const Array& x, const Array& gradient) const {
  if (!any()) return core::neg(gradient);
  return core::sub(project(core::sub(x, gradient)), x);
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
