// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/exif.hpp>

#include <cstddef>
#include <cstdint>

namespace newtape::data::detail {

int exif_orientation(std::string_view tiff) {
  const bool little = tiff.substr(0, 4) == std::string_view("II*\0", 4);
  if (!little && tiff.substr(0, 4) != std::string_view("MM\0*", 4)) return 1;
  // The number of `n` bytes at `at`; 0 outside of the block.
  const auto number = [&](std::uint64_t at, std::uint64_t n) {
    std::uint64_t value = 0;
    if (at + n > tiff.size()) return value;
    for (std::uint64_t i = 0; i < n; ++i) {
      value = value << 8 | static_cast<unsigned char>(tiff[static_cast<std::size_t>(at + (little ? n - 1 - i : i))]);
    }
    return value;
  };
  const auto directory = number(4, 4);
  const auto entries = number(directory, 2);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto entry = directory + 2 + 12 * i;  // tag, type, count, value
    if (number(entry, 2) != 0x0112) continue;
    const auto value = number(entry + 8, 2);
    return number(entry + 2, 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace newtape::data::detail
