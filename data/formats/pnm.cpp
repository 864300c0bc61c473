// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_formats.hpp>
#include <newtape/data/formats/image_rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace newtape::data {
namespace detail {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Parses the next number of the header, after white space and comments; advances `at`.
std::int64_t number(const Input& file, std::string_view bytes, std::size_t& at) {
  while (at < bytes.size() && (is_space(bytes[at]) || bytes[at] == '#')) {
    if (bytes[at] == '#') {
      while (at < bytes.size() && bytes[at] != '\n') ++at;
    } else {
      ++at;
    }
  }
  const std::size_t start = at;
  std::int64_t value = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && at < start + 9; ++at) {
    value = 10 * value + (bytes[at] - '0');
  }
  if (at == start || value == 0) {
    file.fail(fmt::format("byte {}: invalid number in the header", start), "1 to 999999999",
              at == bytes.size() ? "the end of the file" : std::string(bytes.substr(start, 9)));
  }
  return value;
}

}  // namespace

Array read_pnm(const Input& file, std::string_view bytes, const ReadImageOptions& options) {
  ImageHeader header{.channels = bytes[1] == '5' ? 1 : 3};
  std::size_t at = 2;
  header.width = number(file, bytes, at);
  header.height = number(file, bytes, at);
  header.max_value = number(file, bytes, at);
  if (header.max_value > 65535 || at == bytes.size() || !is_space(bytes[at])) {
    file.fail(fmt::format("byte {}: the header must end with the maximum value and one white space", at),
              "at most 65535", std::to_string(header.max_value));
  }
  ++at;
  const std::int64_t width_of_sample = header.max_value > 255 ? 2 : 1;
  const auto row = static_cast<std::size_t>(header.width * header.channels * width_of_sample);
  if (static_cast<std::size_t>(header.height) > (bytes.size() - at) / row) {
    file.fail(fmt::format("byte {}: truncated pixels", bytes.size()),
              fmt::format("{} x {} pixels from byte {} on", header.width, header.height, at),
              fmt::format("{} bytes", bytes.size() - at));
  }
  ImageRows rows(file, header, options);
  std::vector<std::uint16_t> samples(static_cast<std::size_t>(header.width * header.channels));
  for (std::int64_t y = 0; y < header.height; ++y, at += row) {
    const auto* from = reinterpret_cast<const unsigned char*>(bytes.data() + at);
    if (header.max_value == 255) {
      rows.store(y, from);
      continue;
    }
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const int v = width_of_sample == 2 ? from[2 * i] << 8 | from[2 * i + 1] : from[i];
      samples[i] = static_cast<std::uint16_t>(std::min<std::int64_t>(v, header.max_value));
    }
    rows.store(y, samples.data());
  }
  return rows.take();
}

}  // namespace detail

std::string encode_pnm(const ArrayLike& image, const WriteImageOptions& options) {
  const auto samples = detail::to_samples("encode_pnm", image, options.layout, false);
  std::string pnm = fmt::format("P{}\n{} {}\n255\n", samples.channels == 1 ? 5 : 6, samples.width, samples.height);
  pnm.append(reinterpret_cast<const char*>(samples.bytes.data()), samples.bytes.size());
  return pnm;
}

}  // namespace newtape::data
