// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <cstdint>
#include <string_view>

/// Runs kernels, which accept only contiguous or scalar operands, on operands of any layout.
namespace newtape::core::kernels {

/// Minimum number of elements per thread; also the size of one piece of work.
inline constexpr std::int64_t parallel_grain = 32768;

/// out[...] = kernel(inputs[0][...], ...): each of the `count` (up to 3) inputs broadcasts to the shape of `out`, which
/// is contiguous and may alias a contiguous input of the same shape and element size.
void map_into(Kernel kernel, const Array* const* inputs, int count, Array& out);

/// dst[...] = src, of equal shape and dtype, for any layout of dst; they must not overlap.
void copy_into(const Array& src, Array& dst);

}  // namespace newtape::core::kernels
