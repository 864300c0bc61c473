// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string>
#include <string_view>

namespace newtape::data {

/// The characters of a text, numbered in the order of their code points: what a model of characters works on.
///
///     const data::CharVocabulary characters(text);
///     const nt::Tensor tokens = characters.encode(text);  // i64 [characters of the text]
class CharVocabulary {
 public:
  /// Of the characters that occur in `text`. ValueError, with the offset, where it is not UTF-8; so in encode.
  explicit CharVocabulary(std::string_view text);

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(characters_.size()); }
  /// All of them, in order: the text that makes this vocabulary again, to be saved beside a model.
  std::string characters() const;

  /// The numbers of a text's characters: i64 [n]. ValueError names a character that is not in the vocabulary.
  Array encode(std::string_view text) const;
  /// The text that an i64 array of any shape stands for, in C order. DTypeError for other dtypes, ValueError for a
  /// number out of range.
  std::string decode(const Array& numbers) const;

 private:
  std::u32string characters_;  ///< sorted
};

}  // namespace newtape::data
