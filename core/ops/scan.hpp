// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/values_indices.hpp>

/// Scans along an axis: element i of the result depends on the elements up to i; with `reverse`, on those from i on.
/// f32 is accumulated in f64.
namespace newtape::core {

Array cumsum(Array x, std::int64_t axis, bool reverse = false);
Array cumprod(const Array& x, std::int64_t axis);
/// log(cumsum(exp(x))) without overflow; floats only.
Array logcumsumexp(const Array& x, std::int64_t axis);
/// y_i = a_i y_(i-1) + b_i with y_(-1) = 0; with `reverse`, y_i = a_i y_(i+1) + b_i. Floats of equal shape.
Array linear_recurrence(const Array& a, const Array& b, std::int64_t axis, bool reverse = false);

/// Running maximum (minimum) and the last index at which it occurs; NaN propagates.
ValuesIndices cummax(const Array& x, std::int64_t axis);
ValuesIndices cummin(const Array& x, std::int64_t axis);

}  // namespace newtape::core
