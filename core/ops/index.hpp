// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/array/slice.hpp>

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
/// The diagonal of the last two axes, `offset` to the right of the main one.
Array diagonal(const Array& x, std::int64_t offset = 0);

// --- copies ---
Array concatenate(std::span<const Array> parts, std::int64_t axis = 0);
Array stack(std::span<const Array> parts, std::int64_t axis = 0);
/// The elements moved `shift` places on along `axis`; those that leave at the end come in at the front.
Array roll(const Array& x, std::int64_t shift, std::int64_t axis);
/// Zeros, rows x columns along two new last axes, with x on the diagonal: the adjoint of `diagonal`.
Array diag_embed(const Array& x, std::int64_t offset, std::int64_t rows, std::int64_t columns);

// --- along an axis: indices are i64, of any shape, which takes the axis's place. ValueError names one out of range ---
Array take(const Array& x, const Array& indices, std::int64_t axis);
/// Adds src to zeros of length `length` along `axis`, at `indices`: the adjoint of `take`.
Array take_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length);
/// x with src, of the shape of `take(x, indices, axis)`, added at `indices`. Writes into the memory of a temporary.
Array index_add(Array x, const Array& src, const Array& indices, std::int64_t axis);
/// The same, but src takes the place of what was there; of equal indices the last one counts.
Array index_copy(Array x, const Array& src, const Array& indices, std::int64_t axis);

// --- element by element ---
/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on: PyTorch's gather. Leading axes of x beyond those of `indices`
/// broadcast (batched cotangents); `axis` is then negative.
Array gather(const Array& x, const Array& indices, std::int64_t axis);
/// Adds src at `indices` along `axis` to zeros of length `length` there: the adjoint of `gather`. Leading axes as
/// there.
Array scatter_add(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length);

// --- indices ---
/// Which of the indices into an axis of length `length` come last among their equals (boolean); no array when no two
/// are equal.
Array last_of_equals(const Array& indices, std::int64_t length);
/// Where in a C-contiguous array of this shape `gather` would read: the indices along `axis` as indices of the array
/// flattened. ShapeError, naming `op`, when indices have more axes, or reach further, than the shape.
Array flat_positions(const char* op, const Shape& shape, const Array& indices, std::int64_t axis);
/// One array of indices, broadcast, for each axis of `shape`, as indices of the array flattened. ValueError, naming
/// `op`, for one out of range.
Array ravel_multi_index(const char* op, std::span<const Array> indices, const Shape& shape);
/// The indices of what is not zero, in C order, into the array flattened.
Array flatnonzero(const Array& x);
/// Those indices with one column for each axis: [n, ndim].
Array argwhere(const Array& x);

}  // namespace newtape::core
