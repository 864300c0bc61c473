// SPDX-License-Identifier: BSD-3-Clause
#include "reader.hpp"

#include <newtape/data/formats/image.hpp>

#include <zlib.h>

#include <vector>

namespace {
/// Sets right the checksums of a PNG picture, which random changes would never hit: else nothing behind them is tried.
void mend(std::vector<std::uint8_t>& png) {
  if (png.size() < 8 || png[0] != 0x89) return;
  for (std::size_t at = 8; at + 12 <= png.size();) {
    const std::size_t length = static_cast<std::size_t>(png[at]) << 24 | static_cast<std::size_t>(png[at + 1]) << 16 |
                               static_cast<std::size_t>(png[at + 2]) << 8 | png[at + 3];
    if (length > png.size() - at - 12) return;
    const auto sum = crc32(0, png.data() + at + 4, static_cast<uInt>(length + 4));
    at += 8 + length;
    for (int shift = 24; shift >= 0; shift -= 8) png[at++] = static_cast<std::uint8_t>(sum >> shift);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  mend(bytes);
  return fuzz::read(bytes.data(), bytes.size(), [](const std::string& path) { newtape::data::read_image(path); });
}
