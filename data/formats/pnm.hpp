// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string_view>

namespace newtape::data::detail {

class Input;

/// Decodes a PGM (P5) or PPM (P6) image with one or two bytes per sample to grey, f32 [h, w] in [0, 1]. Throws IoError
/// naming `file` and the offset.
Array read_pnm(const Input& file, std::string_view bytes);

}  // namespace newtape::data::detail
