// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>

namespace newtape::core::kernels {

/// The axes of `shape` after those of length 1 are dropped and those that all `arrays`, which broadcast to it, walk as
/// one are joined; in C order, at least one. `strides` (in elements, 0 along broadcast axes) gets those of each array.
Shape collapse(const Shape& shape, std::span<const Array* const> arrays, std::span<Strides> strides);

}  // namespace newtape::core::kernels
