// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Reductions over any axes. Sums are accumulated in fixed blocks, so that rounding depends neither on the number of
/// threads nor on the instruction set. Empty: sum 0, prod 1, any false, all true; the others raise ValueError.
namespace newtape::core {

Array sum(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< booleans: number of true, i64
Array mean(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< f32 for i64, booleans
Array prod(const Array& x, const Axes& axes = {}, bool keepdims = false);  ///< f32, f64, i64
Array max(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< NaN propagates
Array min(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< NaN propagates
Array any(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< boolean only
Array all(const Array& x, const Axes& axes = {}, bool keepdims = false);   ///< boolean only
/// Index (i64) of the first maximum along `axis`, or of the first NaN, as in NumPy.
Array argmax(const Array& x, std::int64_t axis, bool keepdims = false);
/// Likewise of the first minimum.
Array argmin(const Array& x, std::int64_t axis, bool keepdims = false);

/// Variance: the mean squared deviation times n / (n - correction), for n elements; floats only. ValueError unless n >
/// correction.
Array var(const Array& x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// Its square root, without intermediate overflow.
Array stddev(const Array& x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// The largest power of two not above the largest |x| along `axes`, which are kept: dividing by it is exact. 1 where it
/// is 0, infinite or NaN. Floats only.
Array binary_scale(const Array& x, const Axes& axes);
/// p-norm (sum |x|^p)^(1/p) for finite p != 0, without intermediate overflow; floats only. Of no elements: 0, or inf
/// for p < 0.
Array norm(const Array& x, double p, const Axes& axes = {}, bool keepdims = false);

/// log(sum(exp(x))) along one axis, without overflow; -inf if every element is -inf.
Array logsumexp(const Array& x, std::int64_t axis, bool keepdims = false);
/// exp(x) / sum(exp(x)) along one axis, in one pass over each row.
Array softmax(Array x, std::int64_t axis);
/// x - logsumexp(x) along one axis.
Array log_softmax(Array x, std::int64_t axis);
/// First-order pullbacks in one pass: y (g - sum(g y)) and g - exp(y) sum(g). Extra leading axes of `g` broadcast over
/// `y`.
Array softmax_grad(Array g, const Array& y, std::int64_t axis);
Array log_softmax_grad(Array g, const Array& y, std::int64_t axis);

/// Adjoint of broadcasting: sums `x` to `shape`; the first `batch` axes of `x` are kept. x [batch.., extra.., shape'..]
/// -> [batch.., shape..], where axes of length 1 in `shape` may be longer in shape'.
Array sum_to(Array x, const Shape& shape, std::size_t batch = 0);

/// True if every element is finite (always, for non-floats).
bool all_finite(const Array& x);

}  // namespace newtape::core
