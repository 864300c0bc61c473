// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/values_indices.hpp>

#include <utility>

namespace newtape::detail {

inline Tensor without_axis(Tensor y, SourceLocation at) { return squeeze(In(std::move(y), at), 0); }
inline ValuesIndices without_axis(ValuesIndices y, SourceLocation at) {
  return {without_axis(std::move(y.values), at), without_axis(std::move(y.indices), at)};
}

/// f(x) for an operation along an axis and a 0-d x, which counts as a vector of one element: the axes 0 and -1 exist.
template <class F>
auto as_vector(const In& x, F f) {
  return without_axis(f(In(unsqueeze(x, 0), x.location())), x.location());
}

}  // namespace newtape::detail
