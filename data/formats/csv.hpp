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
  /// Does the first row hold the columns' names? `automatic`: yes, when none of its fields is a number.
  enum class Header { automatic, yes, no } header = Header::automatic;
  char quote = '"';
  /// Fields that stand for a missing value; they become NaN, in an integer or boolean table an IoError.
  std::vector<std::string> missing = {"", "NA", "N/A", "NaN", "nan", "null", "?"};
  std::vector<std::string> columns = {};  ///< which to read, in this order (ValueError for an unknown one); empty: all
  DType dtype = f64;
};

/// A table. A column that holds text is encoded: code k stands for `categories[column][k]`, which are sorted.
struct Csv {
  std::vector<std::string> columns;                  ///< "0", "1", ... when the file names none
  Array values;                                      ///< [rows, columns]
  std::vector<std::vector<std::string>> categories;  ///< one list a column; empty for a column of numbers

  std::int64_t rows() const { return values.shape(0); }
  /// The number of the column of this name; ValueError lists the names there are.
  std::int64_t index(std::string_view column) const;
  /// The values [rows] of one column, a view.
  Array operator[](std::string_view column) const;
};

/// Reads comma-separated values (RFC 4180), plain or gzipped, in UTF-8. Numbers are read alike in every locale.
/// IoError with line and column for rows of unequal length, an open quote, a value that does not fit the dtype.
Csv read_csv(const std::string& path, const CsvOptions& options = {});
Csv read_csv(std::istream& stream, const CsvOptions& options = {});

/// Writes a table so that reading it gives the same bits; gzipped when `path` ends in .gz. Uses separator and quote.
void write_csv(const std::string& path, const Csv& table, const CsvOptions& options = {});
void write_csv(std::ostream& stream, const Csv& table, const CsvOptions& options = {});

}  // namespace newtape::data
