// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::data {

struct CsvOptions {
  char separator = ',';
  /// Whether the first row holds column names. `automatic`: if none of its fields is a number.
  enum class Header { automatic, yes, no } header = Header::automatic;
  char quote = '"';
  /// Fields that denote a missing value; they become NaN, or an IoError in an integer or boolean table.
  std::vector<std::string> missing = {"", "NA", "N/A", "NaN", "nan", "null", "?"};
  /// Columns of categories, also where almost all their entries are numbers.
  std::vector<std::string> text = {};
  std::vector<std::string> columns = {};  ///< columns to read, in this order (ValueError if unknown); empty: all
  DType dtype = f64;
};

/// A table. Text columns are encoded: code k denotes `categories[column][k]`; the categories are sorted.
struct Csv {
  std::vector<std::string> columns;                  ///< "0", "1", ... if the file has no names
  Array values;                                      ///< [rows, columns]
  std::vector<std::vector<std::string>> categories;  ///< one list per column; empty for numeric columns

  /// The number of rows, without the line of names.
  std::int64_t rows() const { return values.shape(0); }
  /// Index of the column with this name; ValueError listing the existing names.
  std::int64_t index(std::string_view column) const;
  /// One column [rows], a view.
  Array operator[](std::string_view column) const;
};

/// Reads comma-separated values (RFC 4180), plain or gzipped, in UTF-8, independent of the locale. IoError with line
/// and column for rows of unequal length, an unterminated quote, a value that does not fit the dtype, or the only entry
/// of a column that is no number, among at least ten numbers (name it in `missing`, or the column in `text`).
Csv read_csv(const std::string& path, const CsvOptions& options = {});
Csv read_csv(std::istream& stream, const CsvOptions& options = {});

/// Writes a table so that reading it gives the same bits; gzipped if `path` ends in .gz. Uses separator and quote.
void write_csv(const std::string& path, const Csv& table, const CsvOptions& options = {});
void write_csv(std::ostream& stream, const Csv& table, const CsvOptions& options = {});

}  // namespace newtape::data
