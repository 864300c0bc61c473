// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <vector>

/// Indexing: indices are i64 constants, negative ones count from the end.
namespace newtape {

/// The elements `indices` (any shape, which takes the axis's place) along `axis`.
Tensor take(In x, const Tensor& indices, std::int64_t axis = 0);
/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on.
Tensor gather(In x, const Tensor& indices, std::int64_t axis = -1);
/// Zeros of length `length` along `axis`, with x added at `indices`, which has x's shape: the adjoint of gather.
Tensor scatter_add(In x, const Tensor& indices, std::int64_t axis, std::int64_t length);
Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis = 0);
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0);
inline Tensor concatenate(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return concatenate(std::span<const Tensor>(parts), axis);
}
inline Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return stack(std::span<const Tensor>(parts), axis);
}

}  // namespace newtape
