// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Reductions over `axes`, by default all.
namespace newtape {

Tensor sum(In x, const Axes& axes = {}, bool keepdims = false);
Tensor mean(In x, const Axes& axes = {}, bool keepdims = false);
Tensor prod(In x, const Axes& axes = {}, bool keepdims = false);  ///< correct at zeros, to any order
Tensor max(In x, const Axes& axes = {}, bool keepdims = false);   ///< ties share the gradient equally; NaN propagates
Tensor min(In x, const Axes& axes = {}, bool keepdims = false);
inline Tensor amax(In x, const Axes& axes = {}, bool keepdims = false) { return max(std::move(x), axes, keepdims); }
inline Tensor amin(In x, const Axes& axes = {}, bool keepdims = false) { return min(std::move(x), axes, keepdims); }
Tensor argmax(const Tensor& x, std::int64_t axis, bool keepdims = false);  ///< i64 constant; the first of equal maxima
Tensor argmin(const Tensor& x, std::int64_t axis, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);  ///< of booleans
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor logsumexp(In x, const Axes& axes = -1, bool keepdims = false);  ///< log(sum(exp(x))) without overflow
Tensor softmax(In x, std::int64_t axis = -1);
Tensor log_softmax(In x, std::int64_t axis = -1);
/// Sums over broadcast axes: x [batch.., extra.., shape'..] -> [batch.., shape..], with `batch` leading axes kept.
Tensor sum_to(In x, const Shape& shape, std::size_t batch = 0);

}  // namespace newtape
