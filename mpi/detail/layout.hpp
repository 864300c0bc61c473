// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <string>
#include <string_view>

namespace newtape::mpi::detail {

/// Names, dtypes and shapes as text, and arrays of these, whose elements are not set.
std::string layout_text(const NamedArrays& arrays);
NamedArrays arrays_of_layout(std::string_view text);

/// The number of bytes of the elements.
inline std::int64_t byte_size(const Array& x) { return x.size() * static_cast<std::int64_t>(item_size(x.dtype())); }

}  // namespace newtape::mpi::detail
