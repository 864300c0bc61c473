// SPDX-License-Identifier: BSD-3-Clause
// PNG (W3C recommendation, 3rd edition): 8 bits a sample, grey or RGB, one IDAT chunk.
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image.hpp>

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <string_view>

namespace newtape::data {
namespace {

void append_big_endian(std::string& to, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(v >> shift & 0xff);
}

void append_chunk(std::string& png, std::string_view type, std::string_view bytes) {
  append_big_endian(png, static_cast<std::uint32_t>(bytes.size()));
  const auto begin = png.size();
  png += type;
  png += bytes;
  const auto* const checked = reinterpret_cast<const Bytef*>(png.data() + begin);
  append_big_endian(png, static_cast<std::uint32_t>(crc32_z(0, checked, png.size() - begin)));
}

std::string deflated(const std::string& bytes) {
  uLongf length = compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(length, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &length,
                               reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()), 9);
  if (status != Z_OK) throw std::bad_alloc();
  packed.resize(length);
  return packed;
}

}  // namespace

std::string encode_png(const ArrayLike& image) {
  const bool colour = image.ndim() == 3 && image.shape(2) == 3;
  if ((image.ndim() != 2 && !colour) || image.size() == 0) {
    raise<ShapeError>("write_png: the image must be grey or RGB", "[h, w] or [h, w, 3], not empty",
                      to_string(image.shape()));
  }
  const auto h = image.shape(0);
  const auto row = image.size() / h;
  if (std::max(h, row) > std::numeric_limits<std::int32_t>::max() || image.size() > std::int64_t{1} << 31) {
    raise<ShapeError>("write_png: the image is too large", "at most 2^31 samples", to_string(image.shape()));
  }
  const Array values = core::contiguous(core::cast(image, f32));
  std::string rows;
  rows.reserve(static_cast<std::size_t>(image.size() + h));
  for (std::int64_t y = 0; y < h; ++y) {
    rows += '\0';  // no filter
    for (std::int64_t x = 0; x < row; ++x) {
      const float v = values.data<float>()[y * row + x];
      rows += static_cast<char>(std::lround(255.0F * (v > 0 ? std::min(v, 1.0F) : 0.0F)));  // NaN as 0
    }
  }
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(image.shape(1)));
  append_big_endian(header, static_cast<std::uint32_t>(h));
  header += {8, static_cast<char>(colour ? 2 : 0), 0, 0, 0};
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", deflated(rows));
  append_chunk(png, "IEND", {});
  return png;
}

void write_png(const std::string& path, const ArrayLike& image) {
  const std::string png = encode_png(image);
  detail::Output file("write_png", path);
  file.write(png);
  file.commit();
}

}  // namespace newtape::data
