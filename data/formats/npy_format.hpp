// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/npy.hpp>

namespace newtape::data::detail {

/// The array that `file` holds from here on, and nothing else.
Array parse_npy(Input& file, const NpyOptions& options);
/// An array as the bytes of a .npy file: the header, and the elements in C order, which `dense` holds.
std::string npy_header(const Array& x);

}  // namespace newtape::data::detail
