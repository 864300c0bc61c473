// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/values_indices.hpp>

/// Scans: element i of the result is made of the elements up to i along an axis; with `reverse`, of those from i on.
/// f32 gathers in f64.
namespace newtape::core {

Array cumsum(Array x, std::int64_t axis, bool reverse = false);
Array cumprod(const Array& x, std::int64_t axis);
/// log(cumsum(exp(x))) without overflow; floats only.
Array logcumsumexp(const Array& x, std::int64_t axis);
/// y_i = a_i y_(i-1) + b_i, with 0 before the first; with `reverse` y_i = a_i y_(i+1) + b_i. Floats of one shape.
Array linear_recurrence(const Array& a, const Array& b, std::int64_t axis, bool reverse = false);

/// The largest element so far, and the last place where it stood; NaN wins.
ValuesIndices cummax(const Array& x, std::int64_t axis);
ValuesIndices cummin(const Array& x, std::int64_t axis);

}  // namespace newtape::core
