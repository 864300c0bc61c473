// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Elements picked and placed by indices along one axis, or by a mask. Indices are i64 constants, negative ones count
/// from the end; ValueError names one that is out of range. Masks are boolean constants.
namespace newtape {

// --- whole slices along an axis ---

/// The elements `indices` (any shape, which takes the axis's place) along `axis`.
Tensor take(In x, const Tensor& indices, std::int64_t axis = 0);
inline Tensor index_select(In x, std::int64_t axis, const Tensor& indices) { return take(std::move(x), indices, axis); }
/// x with `src` added at `indices`; src has the shape of `take(x, indices, axis)`, or broadcasts to it.
Tensor index_add(In x, std::int64_t axis, const Tensor& indices, In src);
/// The same, but src takes the place of what was there. Of equal indices the last one counts, also for the gradient.
Tensor index_copy(In x, std::int64_t axis, const Tensor& indices, In src);
inline Tensor index_fill(In x, std::int64_t axis, const Tensor& indices, In value) {
  return index_copy(std::move(x), axis, indices, std::move(value));
}

// --- single elements along an axis ---

/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on. Indices have as many axes as x, none longer but the axis
/// itself; with fewer axes, which then are those of x's last ones, they serve all that stands before.
Tensor gather(In x, const Tensor& indices, std::int64_t axis = -1);
inline Tensor gather(In x, std::int64_t axis, const Tensor& indices) { return gather(std::move(x), indices, axis); }
/// The same with indices and x broadcast together along the other axes.
Tensor take_along_axis(In x, const Tensor& indices, std::int64_t axis = -1);
/// x with y[i][indices[i][j]] = src[i][j] for axis 1, and so on; src is a number or reaches as far as the indices. Of
/// equal indices the last one counts, also for the gradient.
Tensor scatter(In x, std::int64_t axis, const Tensor& indices, In src);
/// The same, but src is added to what was there.
Tensor scatter_add(In x, std::int64_t axis, const Tensor& indices, In src);
/// Zeros of length `length` along `axis`, with x added at `indices`, which has x's shape: the adjoint of gather.
Tensor scatter_add(In x, const Tensor& indices, std::int64_t axis, std::int64_t length);

// --- masks ---

/// x with `value` (a number, or a tensor that broadcasts) where the mask, which broadcasts to x, holds.
Tensor masked_fill(In x, const Tensor& mask, In value);
/// The elements where the mask holds, in C order, as a vector; mask and x broadcast together.
Tensor masked_select(In x, const Tensor& mask);

// --- indices, as constants ---

Tensor argwhere(const Tensor& x);  ///< of what is not zero: [n, ndim], in C order
inline Tensor nonzero(const Tensor& x) { return argwhere(x); }
/// The same, one vector for each axis: what x[{..}] takes.
std::vector<Tensor> where(const Tensor& condition);
/// 1 at the index and 0 elsewhere along a new last axis of length `classes`, which is one more than the largest index
/// when left out.
Tensor one_hot(const Tensor& indices, std::int64_t classes = -1, DType dtype = f32);

}  // namespace newtape
