// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/sets/labels.hpp>
#include <newtape/data/sets/vocabulary.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace newtape::data {
namespace {

/// Number of continuation bytes after the first byte of a UTF-8 character; -1 if the byte is invalid.
int bytes_after(unsigned char first) {
  if (first < 0x80) return 0;
  if (first < 0xc2) return -1;  // continuation byte or overlong encoding
  if (first < 0xe0) return 1;
  if (first < 0xf0) return 2;
  return first < 0xf5 ? 3 : -1;
}

/// Decodes the character at `offset` and advances `offset`.
char32_t read_character(const char* op, std::string_view text, std::size_t& offset) {
  const auto start = offset;
  const auto first = static_cast<unsigned char>(text[offset++]);
  const int more = bytes_after(first);
  if (more == 0) return first;
  bool valid = more > 0 && text.size() - offset >= static_cast<std::size_t>(more);
  char32_t code = first & (0x3fU >> std::max(more, 0));
  for (int i = 0; valid && i < more; ++i) {
    const auto byte = static_cast<unsigned char>(text[offset++]);
    valid = (byte & 0xc0U) == 0x80;
    code = code << 6U | (byte & 0x3fU);
  }
  // Overlong, a UTF-16 surrogate, or beyond the last code point.
  const char32_t min_code = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
  valid = valid && code >= min_code && (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
  if (!valid) {
    raise<ValueError>(fmt::format("{}: the text is not UTF-8 at byte {}", op, start), "UTF-8",
                      fmt::format("byte 0x{:02x}", first));
  }
  return code;
}

void append_character(std::string& text, char32_t code) {
  const auto byte = [&](char32_t bits) { text += static_cast<char>(static_cast<unsigned char>(bits)); };
  const auto following = [&](unsigned shift) { byte(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6U);
    return following(0);
  }
  if (code < 0x10000) {
    byte(0xe0 | code >> 12U);
  } else {
    byte(0xf0 | code >> 18U);
    following(12);
  }
  following(6);
  following(0);
}

}  // namespace

CharVocabulary::CharVocabulary(std::string_view text) {
  std::u32string seen;
  for (std::size_t offset = 0; offset < text.size();) {
    const char32_t c = read_character("CharVocabulary", text, offset);
    const auto at = std::lower_bound(seen.begin(), seen.end(), c);
    if (at == seen.end() || *at != c) seen.insert(at, c);
  }
  characters_ = std::move(seen);
}

std::string CharVocabulary::characters() const {
  std::string text;
  for (const char32_t c : characters_) append_character(text, c);
  return text;
}

Array CharVocabulary::encode(std::string_view text) const {
  std::vector<std::int64_t> numbers;
  numbers.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    const auto start = offset;
    const char32_t c = read_character("CharVocabulary::encode", text, offset);
    const auto at = std::lower_bound(characters_.begin(), characters_.end(), c);
    if (at == characters_.end() || *at != c) {
      raise<ValueError>(fmt::format("CharVocabulary::encode: the character at byte {} is not in the vocabulary", start),
                        fmt::format("one of its {} characters", size()),
                        fmt::format("'{}' (U+{:04X})", text.substr(start, offset - start), static_cast<unsigned>(c)));
    }
    numbers.push_back(at - characters_.begin());
  }
  return detail::index_array(numbers);
}

std::string CharVocabulary::decode(const Array& numbers) const {
  if (!numbers.defined()) raise<ValueError>("CharVocabulary::decode: the array is undefined", "an array", "none");
  const Array dense = core::contiguous(core::as_indices("CharVocabulary::decode", numbers));
  const auto* first = dense.data<std::int64_t>();
  std::string text;
  for (std::int64_t i = 0; i < dense.size(); ++i) {
    if (first[i] < 0 || first[i] >= size()) {
      raise<ValueError>(fmt::format("CharVocabulary::decode: number {} out of range", i),
                        fmt::format("from 0 to {}", size() - 1), std::to_string(first[i]));
    }
    append_character(text, characters_[static_cast<std::size_t>(first[i])]);
  }
  return text;
}

}  // namespace newtape::data
