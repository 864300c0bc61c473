// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// The sizes of the allocator's blocks, and where it has them from.
namespace newtape::allocator {

inline constexpr std::size_t alignment = 64;
inline constexpr std::size_t largest_request = std::size_t{1} << 46;

/// Sizes are 64 bytes (the header of Storage) plus a payload of 0 to 4 units of 64 bytes or of 5, 6, 7, 8 units times a
/// power of two. Thus arrays whose size is a power of two fit exactly.
constexpr std::size_t class_of(std::size_t bytes) noexcept {
  if (bytes <= alignment) return 0;
  const std::size_t last_unit = (bytes - alignment - 1) / alignment;
  if (last_unit < 4) return 1 + last_unit;
  const auto k = static_cast<std::size_t>(std::bit_width(last_unit)) - 1;
  return 1 + 4 * (k - 1) + ((last_unit >> (k - 2)) & 3);
}

constexpr std::size_t size_of_class(std::size_t c) noexcept {
  if (c <= 4) return alignment * (1 + c);
  const std::size_t k = (c - 1) / 4 + 1;
  return alignment * (1 + ((5 + (c - 1) % 4) << (k - 2)));
}

inline constexpr std::size_t small_classes = class_of(alignment + (std::size_t{64} << 10)) + 1;
inline constexpr std::size_t classes = class_of(largest_request) + 1;

inline constexpr auto small_sizes = [] {
  std::array<std::int64_t, small_classes> sizes{};
  for (std::size_t c = 0; c < small_classes; ++c) sizes[c] = static_cast<std::int64_t>(size_of_class(c));
  return sizes;
}();

/// A block of memory, aligned to `alignment`, of which `size` is a multiple; null if there is none. From 2 MB on it is
/// aligned to huge pages.
void* system_allocate(std::size_t size) noexcept;
void system_free(void* block, std::size_t size) noexcept;
/// The same from the heap, whatever the size, for tools that watch it.
void* aligned_memory(std::size_t size) noexcept;
void free_aligned(void* block) noexcept;

}  // namespace newtape::allocator
