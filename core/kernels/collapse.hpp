// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>

namespace newtape::core::kernels {

/// `shape` with axes of length 1 dropped and adjacent axes merged where all `arrays` (which broadcast to it) allow it;
/// C order, at least one axis. `strides` (in elements, 0 along broadcast axes) receives the strides of each array.
Shape collapse(const Shape& shape, std::span<const Array* const> arrays, std::span<Strides> strides);

}  // namespace newtape::core::kernels
