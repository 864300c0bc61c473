// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/csv_scanner.hpp>

#include <fmt/format.h>

#include <utility>

namespace newtape::data::detail {

std::string CsvField::value(char quote) const {
  if (!escaped) return std::string(text);
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    plain += text[i];
    if (text[i] == quote) ++i;  // the second of a pair
  }
  return plain;
}

CsvScanner::CsvScanner(std::string_view text, const CsvOptions& options, std::string where)
    : text_(text), separator_(options.separator), quote_(options.quote), where_(std::move(where)) {
  const auto breaks = [](char c) { return c == '\n' || c == '\r'; };
  if (breaks(separator_) || breaks(quote_) || separator_ == quote_ || separator_ == '\0') {
    raise<ValueError>("csv: separator and quote must be distinct and not line breaks", {},
                      fmt::format("separator 0x{:02x}, quote 0x{:02x}", static_cast<unsigned char>(separator_),
                                  static_cast<unsigned char>(quote_)));
  }
  if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
    fail(1, 1, "the text is not UTF-8", "UTF-8", "the byte order mark of UTF-16");
  }
  if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
}

void CsvScanner::fail(std::size_t line, std::size_t column, std::string_view what, std::string_view expected,
                      std::string_view got) const {
  raise<IoError>(fmt::format("{}: line {}, column {}: {}", where_, line, column, what), expected, got);
}

void CsvScanner::next_line() {
  if (at_end()) return;
  at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
  line_start_ = at_;
  ++line_;
}

bool CsvScanner::next(std::vector<CsvField>& row) {
  row.clear();
  for (;; next_line()) {  // to the first line that is not blank
    const std::size_t start = at_;
    while (at_blank()) ++at_;
    if (!at_break()) {
      at_ = start;
      break;
    }
    if (at_end()) return false;
  }
  for (;; ++at_) {
    while (at_blank()) ++at_;
    row.push_back(quote_ != '\0' && !at_end() && text_[at_] == quote_ ? quoted() : bare());
    if (at_break()) break;
  }
  end_line_ = line_;
  end_column_ = here();
  next_line();
  return true;
}

CsvField CsvScanner::bare() {
  CsvField field{{}, line_, here(), false};
  const std::size_t start = at_;
  while (!at_break() && text_[at_] != separator_) ++at_;
  std::size_t stop = at_;
  while (stop > start && blank(text_[stop - 1])) --stop;
  field.text = text_.substr(start, stop - start);
  return field;
}

CsvField CsvScanner::quoted() {
  CsvField field{{}, line_, here(), false};
  const std::size_t start = ++at_;
  for (;;) {
    if (at_end()) fail(field.line, field.column, "unterminated quoted field", "a closing quote", "the end of the text");
    const char c = text_[at_];
    if (c == quote_) {
      if (at_ + 1 == text_.size() || text_[at_ + 1] != quote_) break;
      field.escaped = true;
      at_ += 2;
    } else if (c == '\n' || c == '\r') {
      next_line();
    } else {
      ++at_;
    }
  }
  field.text = text_.substr(start, at_ - start);
  ++at_;
  while (at_blank()) ++at_;
  if (!at_break() && text_[at_] != separator_) {
    fail(line_, here(), "text follows a closing quote", "a separator or the end of the line",
         fmt::format("'{}'", text_[at_]));
  }
  return field;
}

}  // namespace newtape::data::detail
