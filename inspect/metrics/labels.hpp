// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <string_view>
#include <vector>

/// How metrics read predictions and targets.
namespace newtape::inspect::detail {

/// A contiguous f64 array of the values.
Array metric_values(const ArrayLike& x);

/// A contiguous i64 array of class indices, of an i64 or boolean array; DTypeError naming `op` for another.
Array metric_labels(std::string_view op, const ArrayLike& target);

/// ShapeError naming `op` unless scores are [.., classes] and the target is [..].
void expect_scores(std::string_view op, const Array& scores, const Array& target);

/// ValueError naming `op` unless 0 <= label < classes.
void expect_class(std::string_view op, std::int64_t label, std::int64_t classes);

/// ShapeError naming `op` unless both have the same shape.
void expect_same_shape(std::string_view op, const Array& predicted, const Array& target);

/// The index of the largest score, the first of equal ones, and of a NaN if there is one.
std::int64_t best_class(const double* scores, std::int64_t classes) noexcept;

}  // namespace newtape::inspect::detail
