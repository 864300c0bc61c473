// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string>
#include <string_view>

namespace newtape::data {

/// The distinct characters of a text, numbered by code point, for character-level models.
///
///     const data::CharVocabulary characters(text);
///     const nt::Tensor tokens = characters.encode(text);  // i64 [characters of the text]
class CharVocabulary {
 public:
  /// The characters of `text`. ValueError with the offset if it is not UTF-8; likewise in encode.
  explicit CharVocabulary(std::string_view text);

  /// The number of distinct characters.
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(characters_.size()); }
  /// All characters in order, from which the same vocabulary can be constructed again; save it with the model.
  std::string characters() const;

  /// Numbers of the characters of `text`, i64 [n]. ValueError naming a character that is not in the vocabulary.
  Array encode(std::string_view text) const;
  /// The text encoded by an i64 array of any shape, in C order. DTypeError for other dtypes, ValueError for a number
  /// out of range.
  std::string decode(const Array& numbers) const;

 private:
  std::u32string characters_;  ///< sorted
};

}  // namespace newtape::data
