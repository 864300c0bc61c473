// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/csv.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::data::detail {

/// One field of a table, and its position (from 1; columns in bytes).
struct CsvField {
  std::string_view text;  ///< without enclosing quotes, or without blanks around an unquoted field
  std::size_t line = 1, column = 1;
  bool escaped = false;  ///< contains doubled quotes

  std::string value(char quote) const;
};

/// Splits a text into rows and fields. The fields point into the text.
class CsvScanner {
 public:
  /// `where` is the prefix of error messages.
  CsvScanner(std::string_view text, const CsvOptions& options, std::string where);

  /// Reads the fields of the next row, skipping blank lines; false at the end.
  bool next(std::vector<CsvField>& row);
  [[noreturn]] void fail(std::size_t line, std::size_t column, std::string_view what, std::string_view expected,
                         std::string_view got) const;
  /// End of the last row.
  std::size_t line() const noexcept { return end_line_; }
  std::size_t column() const noexcept { return end_column_; }

 private:
  bool at_end() const noexcept { return at_ == text_.size(); }
  bool at_break() const noexcept { return at_end() || text_[at_] == '\n' || text_[at_] == '\r'; }
  bool at_blank() const noexcept { return !at_end() && blank(text_[at_]); }
  bool blank(char c) const noexcept { return (c == ' ' || c == '\t') && c != separator_; }
  std::size_t here() const noexcept { return at_ - line_start_ + 1; }
  void next_line();
  CsvField bare();
  CsvField quoted();

  std::string_view text_;
  char separator_, quote_;
  std::string where_;
  std::size_t at_ = 0, line_ = 1, line_start_ = 0, end_line_ = 1, end_column_ = 1;
};

}  // namespace newtape::data::detail
