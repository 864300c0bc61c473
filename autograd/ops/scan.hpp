// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/values_indices.hpp>

/// Scans: element i of the result depends on the elements up to i along one axis.
namespace newtape {

/// y_i = x_0 + .. + x_i along the axis.
Tensor cumsum(In x, std::int64_t axis);
/// Of x converted to `dtype`.
inline Tensor cumsum(In x, std::int64_t axis, DType dtype) { return cumsum(to(std::move(x), dtype), axis); }
Tensor cumprod(In x, std::int64_t axis);       ///< correct at zeros, to any order
Tensor logcumsumexp(In x, std::int64_t axis);  ///< log(cumsum(exp(x))) without overflow
/// y_i = a_i y_(i-1) + b_i along the axis, y_(-1) = 0; a and b broadcast. Correct at zeros, to any order.
Tensor linear_recurrence(In a, In b, std::int64_t axis = -1);
/// The running maximum and its index, the last of equal ones, which gets the gradient. NaN propagates.
ValuesIndices cummax(In x, std::int64_t axis);
/// The running minimum, likewise.
ValuesIndices cummin(In x, std::int64_t axis);

}  // namespace newtape
