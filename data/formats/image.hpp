// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <string>

namespace newtape::data {

/// Reads a PNG, JPEG, BMP, PGM or PPM image as grey, f32 [h, w] in [0, 1]. IoError with the offset for other, corrupt
/// or truncated files; also, except for PGM and PPM, if Newtape was built without stb.
Array read_image(const std::string& path);

/// Writes a grey image [h, w] with values in [0, 1] as PNG. ShapeError, DTypeError, IoError.
void write_png(const std::string& path, const ArrayLike& image);

}  // namespace newtape::data
