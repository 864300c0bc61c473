// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/values_indices.hpp>

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
/// The counts of 0, 1, 2, ... in x (i64), at least `minlength` of them. A constant.
Tensor bincount(In x, std::int64_t minlength = 0);
/// The sums of the weights (of x's shape) at 0, 1, 2, ... in x. Differentiable in the weights.
Tensor bincount(In x, In weights, std::int64_t minlength = 0);
/// For each of `values` the first index in `sorted` [n] at which inserting it keeps the order; with `right`, the last.
/// A constant.
Tensor searchsorted(In sorted, In values, bool right = false);

}  // namespace newtape
