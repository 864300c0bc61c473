// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/array/slice.hpp>

#include <span>
#include <string_view>

/// Views (no copy), joining, gathering and scattering. Negative axes count from the last, negative indices from the
/// end.
namespace newtape::core {

// --- views ---
/// One length may be -1 and is inferred. A view if the strides of `x` allow it, else a copy.
Array reshape(const Array& x, const Shape& shape);
/// Axis i of the result is axis `order[i]` of x. ShapeError unless `order` has every axis once.
Array permute(const Array& x, const Dims& order);
/// Exchanges two axes.
Array transpose(const Array& x, std::int64_t axis0, std::int64_t axis1);
Array squeeze(const Array& x, const Axes& axes = {});  ///< removes axes of length 1 (default: all of them)
Array unsqueeze(const Array& x, std::int64_t axis);    ///< inserts an axis of length 1, which is `axis` of the result
/// Broadcasts without a copy: new leading axes and axes of length 1 get stride 0.
Array expand(const Array& x, const Shape& shape);
/// The diagonal of the last two axes, `offset` right of the main one.
Array diagonal(const Array& x, std::int64_t offset = 0);

// --- copies ---
/// The parts one after the other along `axis`. ValueError for no parts, ShapeError unless they have the same lengths
/// along the other axes, DTypeError unless they have one dtype.
Array concatenate(std::span<const Array> parts, std::int64_t axis = 0);
/// The parts, of one shape and dtype, side by side along a new axis. Errors as of concatenate.
Array stack(std::span<const Array> parts, std::int64_t axis = 0);
/// Shifts elements cyclically by `shift` positions along `axis`.
Array roll(const Array& x, std::int64_t shift, std::int64_t axis);
/// Zeros [.., rows, columns] with x on the diagonal: the adjoint of `diagonal`.
Array diag_embed(const Array& x, std::int64_t offset, std::int64_t rows, std::int64_t columns);

// --- along an axis: integer indices of any shape, which replaces the axis. ValueError names an index out of range ---
/// The slices `indices` of x: x.shape[:axis] + indices.shape + x.shape[axis + 1:].
Array take(const Array& x, const Array& indices, std::int64_t axis);
/// Adds src to zeros of length `length` along `axis`, at `indices`: the adjoint of `take`.
Array take_adjoint(const Array& src, const Array& indices, std::int64_t axis, std::int64_t length);
/// x with src (shape of `take(x, indices, axis)`) added at `indices`. Reuses the memory of a temporary x.
Array index_add(Array x, std::int64_t axis, const Array& indices, const Array& src);
/// The same, but src replaces the elements; of duplicate indices the last one wins.
Array index_copy(Array x, std::int64_t axis, const Array& indices, const Array& src);

// --- element by element ---
/// y[i][j] = x[i][indices[i][j]] for axis 1, etc.: PyTorch's gather. Extra leading axes of x (batched cotangents)
/// broadcast over the indices; `axis` is then negative.
Array gather(const Array& x, std::int64_t axis, const Array& indices);
/// Adds src at `indices` along `axis` to zeros of length `length`: the adjoint of `gather`. Leading axes as in
/// `gather`.
Array gather_adjoint(const Array& src, std::int64_t axis, const Array& indices, std::int64_t length);

// --- indices ---
/// Indices of any integer dtype as i64: all that take indices accept storage dtypes by this. DTypeError naming `op`.
Array as_indices(std::string_view op, const Array& x);
/// Marks the last occurrence of every index (boolean); undefined if all indices are distinct.
Array last_of_equals(const Array& indices, std::int64_t length);
/// Flat (C order) positions in an array of this shape that `gather` reads with indices along `axis`. ShapeError naming
/// `op` if the indices have a different number of axes or exceed the shape along another axis.
Array flat_positions(const char* op, const Shape& shape, const Array& indices, std::int64_t axis);
/// Flat (C order) indices from one index array per axis of `shape`, broadcast. ValueError naming `op` for an index out
/// of range.
Array ravel_multi_index(const char* op, std::span<const Array> indices, const Shape& shape);
/// Flat indices of the nonzero elements, in C order.
Array flatnonzero(const Array& x);
/// Indices of the nonzero elements, one column per axis: [n, ndim].
Array argwhere(const Array& x);

}  // namespace newtape::core
