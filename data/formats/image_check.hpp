// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

/// Validates the headers of an image before anything is allocated, because decoders trust them.
namespace newtape::data::detail {

class Input;

/// All chunks are in the file, critical ones have valid checksums, and the size of the decompressed rows matches the
/// header. All checks throw IoError naming `file` and the offset.
void check_png(const Input& file, std::string_view all);
/// All segments are in the file, the end marker is present, and there are at least as many bits as blocks.
void check_jpeg(const Input& file, std::string_view all);
/// All rows are in the file.
void check_bmp(const Input& file, std::string_view all);

}  // namespace newtape::data::detail
