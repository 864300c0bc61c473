// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/values_indices.hpp>

#include <utility>

/// Sorting and related functions. NaN is larger than all numbers; equal elements keep their order.
namespace newtape {

ValuesIndices sort(In x, std::int64_t axis = -1, bool descending = false);  ///< stable
/// The indices (i64 constants) of the sorted elements.
Tensor argsort(In x, std::int64_t axis = -1, bool descending = false);
/// The k largest (smallest) elements along the axis; in order when `sorted`. ValueError unless 0 <= k <= length.
ValuesIndices topk(In x, std::int64_t k, std::int64_t axis = -1, bool largest = true, bool sorted = true);
/// The k-th smallest element along the axis, k from 1 as in PyTorch.
ValuesIndices kthvalue(In x, std::int64_t k, std::int64_t axis = -1, bool keepdims = false);

/// Distinct elements in ascending order, the index of each element of x among them, and their counts: constants.
struct Unique {
  Tensor values, inverse, counts;
};
Unique unique(In x);
/// Distinct slices along an axis, in lexicographic order; `inverse` and `counts` have one element for each slice of x and
/// each distinct one. ShapeError for a 0-d x.
Unique unique(In x, std::int64_t axis);
/// The elements of x, in C order, without those that equal the one before; `inverse` and `counts` as for unique, `values` in
/// their order in x. NaN equals nothing.
Unique unique_consecutive(In x);
/// Slices along an axis without those that equal the one before.
Unique unique_consecutive(In x, std::int64_t axis);
/// Whether each of `elements` equals one of `test`; with `invert`, whether it equals none. A constant. NaN equals nothing.
Tensor isin(In elements, In test, bool invert = false);
/// The counts of 0, 1, 2, ... in x (i64), at least `minlength` of them. A constant.
Tensor bincount(In x, std::int64_t minlength = 0);
/// The sums of the weights (of x's shape) at 0, 1, 2, ... in x. Differentiable in the weights.
Tensor bincount(In x, In weights, std::int64_t minlength = 0);
/// For each of `values` the first index in `sorted` [n] at which inserting it keeps the order; with `right`, the last.
/// For `sorted` [.., n] and values [.., m] with the same leading axes, in the row of each. A constant.
Tensor searchsorted(In sorted, In values, bool right = false);
/// searchsorted with the operands of PyTorch's bucketize: the i with boundaries[i - 1] < x <= boundaries[i]; with `right`,
/// boundaries[i - 1] <= x < boundaries[i].
inline Tensor bucketize(In x, In boundaries, bool right = false) {
  return searchsorted(std::move(boundaries), std::move(x), right);
}

}  // namespace newtape
