// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/values_indices.hpp>
#include <newtape/core/ops/values_indices.hpp>

namespace newtape::detail {

/// The result of an operation that selects elements of `x` along an axis, counted from the last.
inline ValuesIndices selection(const Op& op, const In& x, std::int64_t axis, core::ValuesIndices found) {
  const Tensor indices = std::move(found.indices);
  const auto length = x.tensor().shape(axis);
  return {op(std::move(found.values),
             wrt(x, [indices, axis, length](const Tensor& g) { return gather_adjoint(g, axis, indices, length); })),
          indices};
}

}  // namespace newtape::detail
