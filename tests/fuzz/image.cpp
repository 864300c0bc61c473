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

// The size chooses options, so that each file is tried with several of them as it grows. Images of 4 million pixels are the
// largest: a few kilobytes of PNG or JPEG may rightly hold many times more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  mend(bytes);
  const newtape::data::ReadImageOptions options{
      .mode = static_cast<newtape::data::ImageMode>(size % 5),
      .layout = size % 2 == 0 ? newtape::data::ImageLayout::channels_last : newtape::data::ImageLayout::channels_first,
      .dtype = size % 7 == 0 ? newtape::f64 : newtape::f32,
      .apply_exif_orientation = size % 3 != 0,
      .max_pixels = std::int64_t{1} << 22};
  return fuzz::read(bytes.data(), bytes.size(),
                    [&](const std::string& path) { newtape::data::read_image(path, options); });
}
