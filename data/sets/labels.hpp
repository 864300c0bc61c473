// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

/// For what goes by the classes of examples.
namespace newtape::data::detail {

/// The i64 labels [n]; DTypeError and ShapeError, naming `what`, for other arrays.
std::vector<std::int64_t> read_labels(std::string_view what, const Array& labels);

/// The numbers of the examples, class by class, in random order within each.
std::vector<std::int64_t> by_class(const std::vector<std::int64_t>& labels, Generator& generator);

/// An i64 array [n] of these numbers.
Array index_array(const std::vector<std::int64_t>& numbers);

}  // namespace newtape::data::detail
