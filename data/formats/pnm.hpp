// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string_view>

namespace newtape::data::detail {

class Input;

/// A PGM (P5) or PPM (P6) picture of one or two bytes a sample as grey, f32 [h, w] in [0, 1]. Throws an IoError about
/// `file` that names the offset.
Array read_pnm(const Input& file, std::string_view bytes);

}  // namespace newtape::data::detail
