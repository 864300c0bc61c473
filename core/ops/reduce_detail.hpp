// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <vector>

/// Shared by reductions based on sums. `axes` are normalized.
namespace newtape::core {

Shape reduced_shape(const Shape& shape, const Dims& axes, bool keepdims);
/// Number of elements per result.
std::int64_t reduced_count(const Array& x, const Dims& axes);
/// Sums, or sums of squares, of an f32 or f64 array, accumulated in f64: one per result.
std::vector<double> wide_sum(const Array& x, const Dims& axes, bool squares);

}  // namespace newtape::core
