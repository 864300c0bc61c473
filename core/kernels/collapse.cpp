// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/collapse.hpp>

namespace newtape::core::kernels {

Shape collapse(const Shape& shape, std::span<const Array* const> arrays, std::span<Strides> strides) {
  Shape merged;
  const auto step = [&](std::size_t k, std::size_t axis) {
    const Array& x = *arrays[k];
    const std::size_t lead = shape.size() - x.ndim();
    return axis >= lead && x.shape()[axis - lead] != 1 ? x.strides()[axis - lead] : 0;
  };
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = !merged.empty();
    for (std::size_t k = 0; k < arrays.size() && joins; ++k) joins = strides[k].back() == step(k, axis) * shape[axis];
    if (joins) {
      merged[merged.size() - 1] *= shape[axis];
    } else {
      merged.push_back(shape[axis]);
    }
    for (std::size_t k = 0; k < arrays.size(); ++k) {
      strides[k].resize(merged.size());
      strides[k][merged.size() - 1] = step(k, axis);
    }
  }
  if (merged.empty()) {
    merged.push_back(1);
    for (auto& s : strides) s.push_back(0);
  }
  return merged;
}

}  // namespace newtape::core::kernels
