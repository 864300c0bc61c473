// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

/// Whether a picture holds what its headers claim, found out before anything is allocated for it: decoders believe
/// them.
namespace newtape::data::detail {

class Input;

/// Every chunk lies in the file, those that matter have their checksums, and the packed rows are as many bytes as the
/// header says. Throws an IoError about `file` that names the offset, as those below do.
void check_png(const Input& file, std::string_view all);
/// Every segment lies in the file, the picture has its end, and no more blocks than bits.
void check_jpeg(const Input& file, std::string_view all);
/// The rows lie in the file.
void check_bmp(const Input& file, std::string_view all);

}  // namespace newtape::data::detail
