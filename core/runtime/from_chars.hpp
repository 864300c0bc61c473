// SPDX-License-Identifier: BSD-3-Clause
// For sources: std::from_chars, which libc++, the standard library of macOS, has for integers only before version 20.
#pragma once

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace newtape::detail {

/// The length of the number in decimal or scientific notation, infinity or NaN that `s` starts with; 0 without one.
inline std::size_t float_length(std::string_view s) {
  std::size_t i = s.starts_with('-') ? 1 : 0;
  for (const std::string_view word : {"infinity", "inf", "nan"}) {
    const std::string_view here = s.substr(i, word.size());
    if (std::equal(here.begin(), here.end(), word.begin(), word.end(),
                   [](unsigned char a, unsigned char b) { return std::tolower(a) == b; })) {
      return i + word.size();
    }
  }
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < s.size() && s[i] >= '0' && s[i] <= '9') ++i;
    return i - begin;
  };
  std::size_t count = digits();
  if (i < s.size() && s[i] == '.') {
    ++i;
    count += digits();
  }
  if (count == 0) return 0;
  const std::size_t mantissa_end = i;
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
    if (digits() == 0) i = mantissa_end;
  }
  return i;
}

/// std::from_chars in its general format, by strtod and its like, in whatever locale the program has set.
template <class T>
std::from_chars_result portable_from_chars(const char* first, const char* last, T& value) {
  const std::size_t length = float_length(std::string_view(first, static_cast<std::size_t>(last - first)));
  if (length == 0) return {first, std::errc::invalid_argument};
  std::string text(first, length);
  if (const auto point = text.find('.'); point != std::string::npos) {
    text.replace(point, 1, std::localeconv()->decimal_point);
  }
  const int before = std::exchange(errno, 0);
  T result = 0;
  if constexpr (std::is_same_v<T, float>) {
    result = std::strtof(text.c_str(), nullptr);
  } else if constexpr (std::is_same_v<T, double>) {
    result = std::strtod(text.c_str(), nullptr);
  } else {
    result = std::strtold(text.c_str(), nullptr);
  }
  // Subnormal numbers may set it, too.
  const bool out_of_range = std::exchange(errno, before) == ERANGE && (result == 0 || std::isinf(result));
  if (!out_of_range) value = result;
  return {first + length, out_of_range ? std::errc::result_out_of_range : std::errc()};
}

template <class T>
std::from_chars_result from_chars(const char* first, const char* last, T& value) {
#if !defined(__cpp_lib_to_chars)
  if constexpr (std::is_floating_point_v<T>)
    return portable_from_chars(first, last, value);
  else
#endif
    return std::from_chars(first, last, value);
}

}  // namespace newtape::detail
