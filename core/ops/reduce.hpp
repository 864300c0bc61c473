// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Reductions over any axes. Sums go in fixed blocks, pairwise within, so that neither the number of threads nor the
/// instruction set's width decides how far rounding errors grow. Empty: sum 0, prod 1, any false, all true; the others
/// are ValueErrors.
namespace newtape::core {

Array sum(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< of booleans: counts them, as i64
Array mean(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< floats only
Array prod(const Array& x, const Axes& axes = {}, bool keepdims = false);
Array max(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< NaN wins
Array min(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< NaN wins
Array any(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< of booleans
Array all(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< of booleans
/// Index (i64) of the first largest element along `axis`; the first NaN wins, as in NumPy.
Array argmax(const Array& x, std::int64_t axis, bool keepdims = false);
Array argmin(const Array& x, std::int64_t axis, bool keepdims = false);

/// The mean square away from the mean, times n / (n - correction), for n elements each; floats only. ValueError unless
/// n > correction.
Array var(const Array& x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// (sum |x|^p)^(1/p) for any finite p but 0, without overflow on the way; floats only. Of no elements: 0, for p < 0
/// inf.
Array norm(const Array& x, double p, const Axes& axes = {}, bool keepdims = false);

/// log(sum(exp(x))) along one axis, without overflow; -inf when every element is -inf.
Array logsumexp(const Array& x, std::int64_t axis, bool keepdims = false);
/// exp(x) / sum(exp(x)) along one axis, in one pass over each row.
Array softmax(Array x, std::int64_t axis);
Array log_softmax(Array x, std::int64_t axis);
/// First-order pullbacks in one pass: y (g - sum(g y)) and g - exp(y) sum(g). Leading axes of `g` beyond `y`'s
/// broadcast.
Array softmax_grad(Array g, const Array& y, std::int64_t axis);
Array log_softmax_grad(Array g, const Array& y, std::int64_t axis);

/// Sums `x` down to the operand's shape after broadcasting; the first `batch` axes of `x` stay as they are.
/// x [batch.., extra.., shape'..] -> [batch.., shape..], where shape' has ones of `shape` stretched.
Array sum_to(Array x, const Shape& shape, std::size_t batch = 0);

/// Every element is finite (floats; true for other dtypes).
bool all_finite(const Array& x);

}  // namespace newtape::core
