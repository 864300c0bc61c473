// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

namespace newtape::data::detail {

/// The orientation, 1 to 8, that an EXIF block (TIFF structure, CIPA DC-008) notes in its first directory; 1 where it
/// notes none or is damaged.
int exif_orientation(std::string_view tiff);

}  // namespace newtape::data::detail
