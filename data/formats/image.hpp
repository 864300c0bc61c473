// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <string>

namespace newtape::data {

/// Reads a PNG, JPEG, BMP, PGM or PPM image as grey, f32 [h, w] in [0, 1]. IoError with the offset for other, corrupt
/// or truncated files; also, except for PGM and PPM, if Newtape was built without stb.
Array read_image(const std::string& path);

/// The bytes of a PNG file, 8 bits a sample: a grey image [h, w] or an RGB image [h, w, 3] with values in [0, 1];
/// others are cut off, NaN is 0. ShapeError.
std::string encode_png(const ArrayLike& image);
/// Writes them to a file, which is replaced atomically. ShapeError, IoError.
void write_png(const std::string& path, const ArrayLike& image);

}  // namespace newtape::data
