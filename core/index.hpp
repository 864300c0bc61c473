// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array.hpp>

#include <optional>
#include <span>

/// Views (no copy) and gathers. Negative axes count from the last; negative indices from the end.
namespace newtape::core {

// --- views ---
/// One length may be -1: it is what is left over. A view when `x`'s layout allows, else a copy.
Array reshape(const Array& x, const Shape& shape);
/// Axis i of the result is axis `order[i]` of x.
Array permute(const Array& x, const Dims& order);
Array transpose(const Array& x, std::int64_t axis0, std::int64_t axis1);
Array squeeze(const Array& x, const Axes& axes = {});  ///< drops axes of length 1 (all of them by default)
Array unsqueeze(const Array& x, std::int64_t axis);
/// Broadcasts without a copy: new leading axes and axes of length 1 get stride 0.
Array expand(const Array& x, const Shape& shape);
/// x[start:stop:step] along one axis, clipped as Python does; step > 0.
Array slice(const Array& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// x[index] along one axis, which is dropped.
Array select(const Array& x, std::int64_t axis, std::int64_t index);

// --- copies ---
Array concatenate(std::span<const Array> parts, std::int64_t axis = 0);
Array stack(std::span<const Array> parts, std::int64_t axis = 0);
/// Elements `indices` (i64, any shape, which takes the axis's place) along `axis`. ValueError names an index out of
/// range.
Array take(const Array& x, const Array& indices, std::int64_t axis);
/// Adds src to zeros of length `length` along `axis`, at `indices`: the adjoint of `take`.
Array take_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length);
/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on: PyTorch's gather. Leading axes of x beyond those of `indices`
/// broadcast (batched cotangents); `axis` is then negative.
Array gather(const Array& x, const Array& indices, std::int64_t axis);
/// Adds src at `indices` along `axis` to zeros of length `length` there: the adjoint of `gather`. Leading axes as
/// there.
Array scatter_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length);

}  // namespace newtape::core
