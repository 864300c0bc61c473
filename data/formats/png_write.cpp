// SPDX-License-Identifier: BSD-3-Clause
// PNG (W3C recommendation, 3rd edition): 8 bits a sample, one IDAT chunk. zlib does, so that reports have pictures
// without libpng.
#include <newtape/data/formats/image_formats.hpp>

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

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
  const int status =
      compress2(reinterpret_cast<Bytef*>(packed.data()), &length, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), Z_DEFAULT_COMPRESSION);
  if (status != Z_OK) throw std::bad_alloc();
  packed.resize(length);
  return packed;
}

/// Differences modulo 256 to the prediction of filter `Type` (section 9.2) from the left, upper and upper left samples.
/// Their absolute values, as signed bytes, are added up in the result.
template <int Type>
std::int64_t filter_row(const unsigned char* row, const unsigned char* above, std::size_t n, std::size_t pixel,
                        unsigned char* to) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const int a = i < pixel ? 0 : row[i - pixel];
    const int b = above[i];
    const int c = i < pixel ? 0 : above[i - pixel];
    int predicted = 0;
    if (Type == 1) predicted = a;
    if (Type == 2) predicted = b;
    if (Type == 3) predicted = (a + b) / 2;
    if (Type == 4) {
      const int pa = std::abs(b - c);
      const int pb = std::abs(a - c);
      const int pc = std::abs(a + b - 2 * c);
      predicted = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }
    to[i] = static_cast<unsigned char>(row[i] - predicted);
    sum += std::abs(static_cast<signed char>(to[i]));
  }
  return sum;
}

constexpr decltype(&filter_row<0>) filters[] = {filter_row<0>, filter_row<1>, filter_row<2>, filter_row<3>,
                                                filter_row<4>};

/// All rows, each after the number of its filter: the one with the least sum, as the recommendation suggests (12.7).
std::string filtered(const detail::Samples& samples) {
  const std::size_t n = samples.row_bytes();
  const std::vector<unsigned char> zeros(n);
  std::vector<unsigned char> candidate(n);
  std::vector<unsigned char> best(n);
  std::string rows;
  rows.reserve(static_cast<std::size_t>(samples.height) * (n + 1));
  for (std::int64_t y = 0; y < samples.height; ++y) {
    const unsigned char* const above = y == 0 ? zeros.data() : samples.row(y - 1);
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    char type = 0;
    for (std::size_t t = 0; t < std::size(filters); ++t) {
      const auto sum =
          filters[t](samples.row(y), above, n, static_cast<std::size_t>(samples.channels), candidate.data());
      if (sum < least) {
        least = sum;
        type = static_cast<char>(t);
        best.swap(candidate);
      }
    }
    rows += type;
    rows.append(reinterpret_cast<const char*>(best.data()), n);
  }
  return rows;
}

}  // namespace

std::string encode_png(const ArrayLike& image, const WriteImageOptions& options) {
  const auto samples = detail::to_samples("encode_png", image, options.layout, true);
  constexpr char color_types[] = {0, 4, 2, 6};  // by channels
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(samples.width));
  append_big_endian(header, static_cast<std::uint32_t>(samples.height));
  header += {8, color_types[samples.channels - 1], 0, 0, 0};
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", deflated(filtered(samples)));
  append_chunk(png, "IEND", {});
  return png;
}

}  // namespace newtape::data
