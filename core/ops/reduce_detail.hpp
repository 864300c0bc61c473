// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <vector>

/// What reductions made of sums have in common. `axes` are normalized.
namespace newtape::core {

Shape reduced_shape(const Shape& shape, const Dims& axes, bool keepdims);
/// How many elements go into each result.
std::int64_t reduced_count(const Array& x, const Dims& axes);
/// Sums, or sums of squares, of an f32 or f64 array in f64: one for each element of the result.
std::vector<double> wide_sum(const Array& x, const Dims& axes, bool squares);

}  // namespace newtape::core
