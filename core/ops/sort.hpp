// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/values_indices.hpp>

#include <vector>

/// Sorting and selection, for any dtype. NaN sorts after all numbers; -0 and 0 are equal.
namespace newtape::core {

/// Stable: equal elements keep their order, also in descending order.
ValuesIndices sort(const Array& x, std::int64_t axis, bool descending = false);
Array argsort(const Array& x, std::int64_t axis, bool descending = false);
/// The k largest (smallest) elements along the axis, of equal ones the first; in order if `sorted`. ValueError unless 0
/// <= k <= length.
ValuesIndices topk(const Array& x, std::int64_t k, std::int64_t axis, bool largest = true, bool sorted = true);
/// Indices of the elements with the given `ranks` (from 0) in sorted order, concatenated along the axis. With
/// `nan_wins`, every rank of a slice with a NaN gives that NaN. ValueError for a rank out of range.
Array argrank(const Array& x, const std::vector<std::int64_t>& ranks, std::int64_t axis, bool nan_wins = false);

/// Distinct values in ascending order, the index of each element of x among them (x's shape), and their counts.
struct Unique {
  Array values, inverse, counts;
};
Unique unique(const Array& x);
/// Distinct slices along an axis (in [0, ndim)) in lexicographic order; inverse and counts are vectors.
Unique unique(const Array& x, std::int64_t axis);
/// counts[v] = number of occurrences of v in x (i64; ValueError if negative); length at least `minlength`.
Array bincount(const Array& x, std::int64_t minlength = 0);
/// For each of `values`, the first insertion position in `sorted` [n] that keeps the order; with `right`, the last. Or in
/// the rows of sorted [.., n], for values [.., m].
Array searchsorted(const Array& sorted, const Array& values, bool right = false);

}  // namespace newtape::core
