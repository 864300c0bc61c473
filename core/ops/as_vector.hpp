// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/values_indices.hpp>

#include <utility>

namespace newtape::core {

inline Array without_axis(const Array& y) { return y.defined() ? squeeze(y, 0) : y; }
inline ValuesIndices without_axis(const ValuesIndices& y) { return {without_axis(y.values), without_axis(y.indices)}; }

/// f(x) for a function along an axis and a 0-d x, which counts as a vector of one element: the axes 0 and -1 exist.
template <class F>
auto as_vector(const Array& x, F f) {
  return without_axis(f(unsqueeze(x, 0)));
}

}  // namespace newtape::core
