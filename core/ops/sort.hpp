// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/values_indices.hpp>

#include <vector>

/// Sorting and what builds on it. Any dtype. NaN counts as larger than everything, and zeros of both signs as equal.
namespace newtape::core {

/// Stable: equal elements keep their order, ascending or descending.
ValuesIndices sort(const Array& x, std::int64_t axis, bool descending = false);
Array argsort(const Array& x, std::int64_t axis, bool descending = false);
/// The k largest (smallest) elements along the axis, of equal ones the first; in order when `sorted`. ValueError unless
/// 0 <= k <= length.
ValuesIndices topk(const Array& x, std::int64_t k, std::int64_t axis, bool largest = true, bool sorted = true);
/// Where the elements stand that would be at `ranks` (from 0) after sorting, one after the other along the axis. With
/// `nan_wins`, where there is a NaN it is at every rank. ValueError for a rank out of range.
Array argrank(const Array& x, const std::vector<std::int64_t>& ranks, std::int64_t axis, bool nan_wins = false);

/// The distinct elements of an array in ascending order, where each element of x is among them (x's shape), and how
/// often each occurs.
struct Unique {
  Array values, inverse, counts;
};
Unique unique(const Array& x);
/// counts[v] = how often v occurs in x (i64, no negatives: ValueError), at least `minlength` of them.
Array bincount(const Array& x, std::int64_t minlength = 0);
/// For each of `values` the first place in `sorted` [n] at which inserting it keeps the order; with `right`, the last.
Array searchsorted(const Array& sorted, const Array& values, bool right = false);

}  // namespace newtape::core
