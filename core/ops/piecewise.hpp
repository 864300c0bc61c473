// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Signs, rounding, bounds and remainders of elements; f32, f64 and i64.
/// Broadcasting, dtypes and memory reuse as in <newtape/core/ops/arithmetic.hpp>.
namespace newtape::core {

Array abs(Array x);    ///< |x|
Array sign(Array x);   ///< -1, 0 or 1; NaN of NaN
Array floor(Array x);  ///< largest integer <= x
Array ceil(Array x);   ///< smallest integer >= x
Array round(Array x);  ///< ties to even
Array trunc(Array x);  ///< rounded towards 0

Array maximum(Array a, Array b);             ///< NaN propagates
Array minimum(Array a, Array b);             ///< NaN propagates
Array clip(Array x, Array low, Array high);  ///< min(max(x, low), high)

Array fmod(Array a, Array b);          ///< sign of a; ValueError if an integer b is 0, also for the next two
Array remainder(Array a, Array b);     ///< sign of b
Array floor_divide(Array a, Array b);  ///< floor(a / b)

}  // namespace newtape::core
