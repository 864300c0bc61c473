// SPDX-License-Identifier: BSD-3-Clause
// Windows bitmaps (BITMAPCOREHEADER to BITMAPV5HEADER of wingdi.h) without compression.
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_formats.hpp>
#include <newtape/data/formats/image_rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <string>
#include <vector>

namespace newtape::data::detail {
namespace {

/// The fields of a bitmap's headers.
struct Bitmap {
  std::uint64_t first = 0;  ///< byte of the rows
  std::int64_t width = 0, height = 0;
  bool from_top = false;
  unsigned bits = 0;
  std::size_t row_bytes = 0;
  std::size_t palette = 0, palette_entry = 4, palette_size = 0;
  std::array<std::uint32_t, 4> masks{};  ///< of red, green, blue, alpha in pixels of 16 and 32 bits
};

/// A little-endian number; callers check the bounds.
std::uint32_t bmp_number(std::string_view bytes, std::size_t at, std::size_t n) {
  std::uint32_t value = 0;
  for (std::size_t k = n; k-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + k]);
  return value;
}

void read_masks(std::string_view bytes, std::uint32_t compression, std::uint32_t header, Bitmap& b) {
  if (compression == 0) {
    if (b.bits == 16) b.masks = {0x7C00, 0x03E0, 0x001F, 0};
    if (b.bits == 32) b.masks = {0xFF0000, 0xFF00, 0xFF, 0};
    return;
  }
  const std::size_t count = header >= 56 || compression == 6 ? 4 : 3;  // V3 and later headers have alpha
  for (std::size_t c = 0; c < count && 54 + 4 * c + 4 <= bytes.size(); ++c)
    b.masks[c] = bmp_number(bytes, 54 + 4 * c, 4);
}

Bitmap read_bitmap_header(const Input& file, std::string_view bytes) {
  const auto need = [&](std::size_t n) {
    if (bytes.size() < n) {
      file.fail(fmt::format("byte {}: truncated BMP header", bytes.size()), fmt::format("{} bytes", n));
    }
  };
  need(26);
  Bitmap b{.first = bmp_number(bytes, 10, 4)};
  const auto header = bmp_number(bytes, 14, 4);
  std::uint32_t compression = 0;
  std::uint32_t colours = 0;
  if (header == 12) {
    b.width = bmp_number(bytes, 18, 2);
    b.height = bmp_number(bytes, 20, 2);
    b.bits = bmp_number(bytes, 24, 2);
    b.palette_entry = 3;
  } else {
    if (header < 40) file.fail("byte 14: unknown BMP header", "12, or 40 or more bytes", fmt::format("{}", header));
    need(54);
    b.width = static_cast<std::int32_t>(bmp_number(bytes, 18, 4));
    b.height = static_cast<std::int32_t>(bmp_number(bytes, 22, 4));
    b.bits = bmp_number(bytes, 28, 2);
    compression = bmp_number(bytes, 30, 4);
    colours = bmp_number(bytes, 46, 4);
    b.from_top = b.height < 0;
    b.height = std::abs(b.height);
  }
  const bool masks = (compression == 3 || compression == 6) && (b.bits == 16 || b.bits == 32);
  if (compression != 0 && !masks) {
    file.fail("byte 30: compressed BMP", "one without compression", fmt::format("compression {}", compression));
  }
  if (b.bits != 1 && b.bits != 4 && b.bits != 8 && b.bits != 16 && b.bits != 24 && b.bits != 32) {
    file.fail("byte 28: unknown number of bits a pixel", "1, 4, 8, 16, 24 or 32", fmt::format("{}", b.bits));
  }
  read_masks(bytes, compression, header, b);
  if (b.bits <= 8) {
    b.palette = 14 + header;
    b.palette_size = colours == 0 ? std::size_t{1} << b.bits : std::min<std::size_t>(colours, 256);
    need(b.palette + b.palette_entry * b.palette_size);
  }
  if (b.width < 1 || b.height < 1) return b;  // an error of check_pixels
  b.row_bytes = (static_cast<std::size_t>(b.width) * b.bits + 31) / 32 * 4;
  if (b.first > bytes.size() || static_cast<std::size_t>(b.height) > (bytes.size() - b.first) / b.row_bytes) {
    file.fail("byte 14: the rows exceed the file",
              fmt::format("at most {} bytes from byte {} on", bytes.size(), b.first),
              fmt::format("{} rows of {} bytes", b.height, b.row_bytes));
  }
  return b;
}

/// The bits of `mask`, widened to 8 by their ratio to the most.
std::uint8_t masked(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const auto shift = static_cast<unsigned>(std::countr_zero(mask));
  const std::uint64_t most = mask >> shift;
  const std::uint64_t value = (pixel & mask) >> shift;
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

}  // namespace

Array read_bmp(const Input& file, std::string_view bytes, const ReadImageOptions& options) {
  const Bitmap b = read_bitmap_header(file, bytes);
  const int channels = b.masks[3] != 0 ? 4 : 3;
  ImageRows rows(file, {.width = b.width, .height = b.height, .channels = channels}, options);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(b.width * channels));
  for (std::int64_t y = 0; y < b.height; ++y) {
    const std::size_t at = b.first + static_cast<std::size_t>(y) * b.row_bytes;
    auto* to = row.data();
    for (std::size_t x = 0; x < static_cast<std::size_t>(b.width); ++x) {
      if (b.bits == 16 || b.bits == 32) {
        const auto pixel = bmp_number(bytes, at + x * b.bits / 8, b.bits / 8);
        for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) *to++ = masked(pixel, b.masks[c]);
        continue;
      }
      std::size_t blue = at + 3 * x;
      if (b.bits <= 8) {
        const unsigned byte = static_cast<unsigned char>(bytes[at + x * b.bits / 8]);
        const std::size_t bit = x * b.bits % 8;
        const std::size_t index = byte >> (8 - b.bits - bit) & ((1U << b.bits) - 1);
        if (index >= b.palette_size) {
          file.fail(fmt::format("byte {}: colour outside of the palette", at + x * b.bits / 8),
                    fmt::format("below {}", b.palette_size), std::to_string(index));
        }
        blue = b.palette + b.palette_entry * index;
      }
      for (std::size_t c = 3; c-- > 0;) *to++ = static_cast<std::uint8_t>(bytes[blue + c]);
    }
    rows.store(b.from_top ? y : b.height - 1 - y, row.data());
  }
  return rows.take();
}

}  // namespace newtape::data::detail
