// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

/// Helpers for class labels.
namespace newtape::data::detail {

/// The labels [n] as integers; DTypeError and ShapeError naming `what` unless they are i64 [n].
std::vector<std::int64_t> read_labels(std::string_view what, const Array& labels);

/// Example indices grouped by class, in random order within each class.
std::vector<std::int64_t> by_class(const std::vector<std::int64_t>& labels, Generator& generator);

/// An i64 array [n] of `numbers`.
Array index_array(const std::vector<std::int64_t>& numbers);

}  // namespace newtape::data::detail
