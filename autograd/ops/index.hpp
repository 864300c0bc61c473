// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Elements read and written by indices along one axis, or by a mask. Indices are i64 constants, negative ones count
/// from the end; ValueError names an index that is out of range. Masks are boolean constants.
namespace newtape {

// --- whole slices along an axis ---

/// The slices `indices` along `axis`; the shape of the indices (any) replaces the axis.
Tensor take(In x, const Tensor& indices, std::int64_t axis = 0);
/// take, with PyTorch's name and order of arguments.
inline Tensor index_select(In x, std::int64_t axis, const Tensor& indices) { return take(std::move(x), indices, axis); }
struct IndexAddOptions {
  double alpha = 1;  ///< factor of src
};
/// x with `src` added at `indices`; src broadcasts to the shape of `take(x, indices, axis)`.
Tensor index_add(In x, std::int64_t axis, const Tensor& indices, In src, const IndexAddOptions& options = {});
/// x with the slices at `indices` replaced by src. Of equal indices the last one counts, also for the gradient.
Tensor index_copy(In x, std::int64_t axis, const Tensor& indices, In src);
/// x with the slices at `indices` replaced by one value, a number or a tensor that broadcasts.
inline Tensor index_fill(In x, std::int64_t axis, const Tensor& indices, In value) {
  return index_copy(std::move(x), axis, indices, std::move(value));
}

// --- single elements along an axis ---

/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on. indices.shape[d] <= x.shape[d] for d != axis; missing leading
/// axes of the indices broadcast.
Tensor gather(In x, std::int64_t axis, const Tensor& indices);
/// Zeros of length `length` along `axis`, with x added at `indices` (of x's shape): the adjoint of gather.
Tensor gather_adjoint(In x, std::int64_t axis, const Tensor& indices, std::int64_t length);
/// gather with indices and x broadcast to a common shape along the other axes.
Tensor take_along_axis(In x, const Tensor& indices, std::int64_t axis = -1);
/// x with y[i][indices[i][j]] = src[i][j] for axis 1, and so on; src is a number or at least as long as the indices
/// along every axis. Of equal indices the last one counts, also for the gradient.
Tensor scatter(In x, std::int64_t axis, const Tensor& indices, In src);
/// scatter that adds src to x.
Tensor scatter_add(In x, std::int64_t axis, const Tensor& indices, In src);

/// How scatter_reduce combines the elements that meet: sum, product, mean, maximum or minimum.
enum class ScatterReduce { sum, prod, mean, amax, amin };
struct ScatterReduceOptions {
  bool include_self = true;  ///< whether the element of x counts where something is scattered
};
/// scatter that combines the elements of src that meet, and that of x. Equal extremes share the gradient. Elements of x
/// at which nothing arrives stay. PyTorch's scatter with reduce is the same with `sum` or `prod`.
Tensor scatter_reduce(In x, std::int64_t axis, const Tensor& indices, In src, ScatterReduce reduce,
                      const ScatterReduceOptions& options = {});
inline Tensor scatter(In x, std::int64_t axis, const Tensor& indices, In src, ScatterReduce reduce) {
  return scatter_reduce(std::move(x), axis, indices, std::move(src), reduce);
}

/// scatter_reduce of slices: element i of `src` along `axis` meets element indices[i] of x, for indices [n] and src of
/// x's shape but for n along the axis.
Tensor index_reduce(In x, std::int64_t axis, const Tensor& indices, In src, ScatterReduce reduce,
                    const ScatterReduceOptions& options = {});
/// Reductions of consecutive segments of x along `axis`, whose lengths [k] (integers) add up to that of the axis. Of an
/// empty segment the sum is 0, the product 1, the mean NaN, the maximum -inf, the minimum inf. DTypeError unless x is a
/// float.
Tensor segment_reduce(In x, ScatterReduce reduce, const Tensor& lengths, std::int64_t axis = 0);

// --- masks ---

/// x with `value` (a number or a tensor) where the mask is true; mask and value broadcast to x.
Tensor masked_fill(In x, const Tensor& mask, In value);
/// x with the elements where the mask is true replaced by the first ones of src, both in C order; the mask broadcasts to
/// x. ValueError when src has too few.
Tensor masked_scatter(In x, const Tensor& mask, In src);
/// The elements where the mask is true, in C order, as a vector; mask and x broadcast together.
Tensor masked_select(In x, const Tensor& mask);

// --- indices, as constants ---

Tensor argwhere(In x);  ///< indices of the nonzero elements: [n, ndim], in C order
/// PyTorch's name of argwhere.
inline Tensor nonzero(In x) { return argwhere(std::move(x)); }
/// The indices where `condition` is true: one vector for each axis, as x[{..}] takes them.
std::vector<Tensor> where(In condition);
/// 1 at the index and 0 elsewhere along a new last axis of length `classes` (default: the largest index + 1).
Tensor one_hot(In indices, std::int64_t classes = -1, DType dtype = f32);

}  // namespace newtape
