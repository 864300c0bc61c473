// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <cstdint>
#include <string_view>

/// Runs kernels, which know contiguous and single elements only, over operands of any layout.
namespace newtape::core::kernels {

/// Work below this many elements stays on one thread; above, it is the size of one piece.
inline constexpr std::int64_t parallel_grain = 32768;

/// out[...] = kernel(inputs[0][...], ...), each of the `count` (up to 3) inputs broadcast to the shape of `out`, which
/// is contiguous. It may have the memory of an input that is contiguous, too, and of its shape and size of element.
void map_into(Kernel kernel, const Array* const* inputs, int count, Array& out);

/// dst[...] = src for a destination of any layout, of src's shape and dtype; they share no memory.
void copy_into(const Array& src, Array& dst);

}  // namespace newtape::core::kernels
