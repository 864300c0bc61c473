// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <vector>

/// Arrays joined, and taken apart into views.
namespace newtape {

Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis = 0);
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0);
inline Tensor concatenate(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return concatenate(std::span<const Tensor>(parts), axis);
}
inline Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return stack(std::span<const Tensor>(parts), axis);
}
/// Joined along axis 1, vectors along axis 0.
Tensor hstack(const std::vector<Tensor>& parts);
/// Joined along axis 0; vectors are rows.
Tensor vstack(const std::vector<Tensor>& parts);

/// Parts of `size` along `axis`; the last one may be shorter. ValueError for a size below 1.
std::vector<Tensor> split(In x, std::int64_t size, std::int64_t axis = 0);
/// Parts of these sizes. ValueError when they do not add up to the axis's length.
std::vector<Tensor> split(In x, const Dims& sizes, std::int64_t axis = 0);
/// At most `count` parts of one size; the last one may be shorter.
std::vector<Tensor> chunk(In x, std::int64_t count, std::int64_t axis = 0);
/// Exactly `count` parts, the first ones longer by one where it does not come out even (NumPy's array_split).
std::vector<Tensor> tensor_split(In x, std::int64_t count, std::int64_t axis = 0);
/// Parted before each of these indices.
std::vector<Tensor> tensor_split(In x, const Dims& indices, std::int64_t axis = 0);
/// All x[i] along `axis`, which is dropped.
std::vector<Tensor> unstack(In x, std::int64_t axis = 0);
inline std::vector<Tensor> unbind(In x, std::int64_t axis = 0) { return unstack(std::move(x), axis); }

}  // namespace newtape
