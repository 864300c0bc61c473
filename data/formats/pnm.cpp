// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/pnm.hpp>

#include <fmt/format.h>

#include <string>

namespace newtape::data::detail {
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

Array read_pnm(const Input& file, std::string_view bytes) {
  const std::int64_t channels = bytes[1] == '5' ? 1 : 3;
  std::size_t at = 2;
  const auto width = number(file, bytes, at);
  const auto height = number(file, bytes, at);
  const auto max_value = number(file, bytes, at);
  if (max_value > 65535 || at == bytes.size() || !is_space(bytes[at])) {
    file.fail(fmt::format("byte {}: the header must end with the maximum value and one white space", at),
              "at most 65535", std::to_string(max_value));
  }
  ++at;
  const std::int64_t width_of_sample = max_value > 255 ? 2 : 1;
  const auto there = static_cast<std::int64_t>(bytes.size() - at);
  if (height > there / (channels * width_of_sample) / width) {
    file.fail(fmt::format("byte {}: truncated pixels", bytes.size()),
              fmt::format("{} x {} pixels from byte {} on", width, height, at), fmt::format("{} bytes", there));
  }
  Array image = Array::empty({height, width}, f32);
  auto* to = image.data<float>();
  const auto sample = [&] {
    double value = static_cast<unsigned char>(bytes[at++]);
    if (width_of_sample == 2) value = 256 * value + static_cast<unsigned char>(bytes[at++]);
    return value / static_cast<double>(max_value);
  };
  for (std::int64_t i = 0; i < image.size(); ++i) {
    double grey = sample();
    if (channels == 3) {  // luma weights of the other formats (ITU-R BT.601)
      const double green = sample();
      const double blue = sample();
      grey = 0.299 * grey + 0.587 * green + 0.114 * blue;
    }
    to[i] = static_cast<float>(grey);
  }
  return image;
}

}  // namespace newtape::data::detail
