// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::core::kernels {

/// Calls f with an unsigned integer of `item` bytes (1, 2, 4 or 8): what moves elements depends on nothing else.
template <class F>
decltype(auto) visit_item(std::int64_t item, F&& f) {
  if (item == 4) return f(std::uint32_t{});
  if (item == 8) return f(std::uint64_t{});
  if (item == 2) return f(std::uint16_t{});
  return f(std::uint8_t{});
}

}  // namespace newtape::core::kernels
