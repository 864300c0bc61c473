// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/npy.hpp>

namespace newtape::data::detail {

/// Parses an array from the current position of `file` to its end.
Array parse_npy(Input& file, const ReadNpyOptions& options);
/// The header of a .npy file for x; it is followed by the elements in C order.
std::string npy_header(const Array& x);

}  // namespace newtape::data::detail
