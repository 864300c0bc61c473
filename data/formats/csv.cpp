// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/from_chars.hpp>
#include <newtape/data/formats/csv.hpp>
#include <newtape/data/formats/csv_scanner.hpp>
#include <newtape/data/formats/file.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <istream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>

namespace newtape::data {
namespace {

using detail::CsvField;
using detail::CsvScanner;

enum class Parsed { number, unfit, text };  // unfit: a number that the dtype cannot represent

template <class T>
bool parse_whole(std::string_view s, T& value) {
  const auto [end, error] = newtape::detail::from_chars(s.data(), s.data() + s.size(), value);
  return error == std::errc() && end == s.data() + s.size();
}

/// Parses a number of type T; out-of-range values become infinite or zero, as in Python.
template <class T>
Parsed parse(std::string_view s, T& value) {
  if (s.size() > 1 && s[0] == '+' && s[1] != '-') s.remove_prefix(1);
  if constexpr (std::is_floating_point_v<T>) {
    if (parse_whole(s, value)) return Parsed::number;
    long double wide = 0;
    const auto [end, error] = newtape::detail::from_chars(s.data(), s.data() + s.size(), wide);
    if (end != s.data() + s.size() || error != std::errc()) return Parsed::text;
    constexpr auto infinity = std::numeric_limits<T>::infinity();
    constexpr long double limit = std::numeric_limits<T>::max();
    value = wide > limit ? infinity : wide < -limit ? -infinity : static_cast<T>(wide);
    return Parsed::number;
  } else {
    std::int64_t integer = 0;
    if (!parse_whole(s, integer)) {
      double real = 0;
      if (parse(s, real) == Parsed::text) return Parsed::text;
      if (!(std::abs(real) < 0x1p63) || std::trunc(real) != real) return Parsed::unfit;
      integer = static_cast<std::int64_t>(real);
    }
    value = static_cast<T>(integer);
    if constexpr (std::is_same_v<T, bool>) return integer == 0 || integer == 1 ? Parsed::number : Parsed::unfit;
    return Parsed::number;
  }
}

bool is_missing(std::string_view text, const CsvOptions& options) {
  return std::find(options.missing.begin(), options.missing.end(), text) != options.missing.end();
}

std::int64_t find_column(const std::vector<std::string>& names, std::string_view name, std::string_view op) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) {
    raise<ValueError>(fmt::format("{}: no column named '{}'", op, name), fmt::format("{}", fmt::join(names, ", ")),
                      std::string(name));
  }
  return at - names.begin();
}

std::vector<std::string> numbered(std::size_t n) {
  std::vector<std::string> names(n);
  for (std::size_t i = 0; i < n; ++i) names[i] = std::to_string(i);
  return names;
}

/// Reads one table: one pass for the numbers, and a second one if there are text columns.
class Reader {
 public:
  Reader(std::string_view text, const CsvOptions& options, std::string where)
      : text_(text), options_(options), where_(std::move(where)) {}

  Csv read() {
    read_header();
    const std::size_t n = chosen_.size();
    text_columns_.assign(n, false);
    unfit_.assign(n, std::nullopt);
    entries_.assign(n, {});
    for (const auto& name : options_.text) {
      const auto at = static_cast<std::size_t>(find_column(table_.columns, name, where_));
      text_columns_[at] = entries_[at].chosen = true;
    }
    table_.categories.resize(n);
    visit_dtype(options_.dtype, [&]<class T>() { read_values<T>(); });
    return std::move(table_);
  }

 private:
  struct Location {
    std::size_t line, column;
    std::string text;
  };

  /// What a column holds.
  struct Entries {
    std::int64_t numbers = 0, texts = 0;
    Location first_text;
    bool chosen = false;  ///< to be text

    void add(bool is_text, const CsvField& field) {
      ++(is_text ? texts : numbers);
      if (is_text && texts == 1) first_text = {field.line, field.column, std::string(field.text)};
    }
  };

  /// One entry must not turn a column of numbers into categories.
  void expect_no_odd_entry(const Entries& entries, std::size_t j) const {
    if (entries.chosen || entries.texts != 1 || entries.numbers < 10) return;
    CsvScanner(text_, options_, where_)
        .fail(entries.first_text.line, entries.first_text.column,
              fmt::format("one entry of column '{}' is not a number", table_.columns[j]),
              fmt::format("a number, as in the other {} rows; or the entry among the options' `missing`, or the column "
                          "among `text`",
                          entries.numbers),
              fmt::format("'{}'", entries.first_text.text));
  }

  void read_header() {
    CsvScanner scanner(text_, options_, where_);
    std::vector<CsvField> row;
    if (!scanner.next(row)) raise<IoError>(where_ + ": the table is empty", "at least one row", "no text");
    double number = 0;
    using Header = CsvOptions::Header;
    header_ = options_.header == Header::yes ||
              (options_.header == Header::automatic && std::none_of(row.begin(), row.end(), [&](const CsvField& f) {
                 return parse(f.text, number) == Parsed::number;
               }));
    width_ = row.size();
    std::vector<std::string> names = numbered(width_);
    if (header_) {
      std::transform(row.begin(), row.end(), names.begin(), [&](const CsvField& f) { return f.value(options_.quote); });
    }
    first_line_ = row.front().line;
    for (const auto& name : options_.columns) {
      chosen_.push_back(static_cast<std::size_t>(find_column(names, name, where_)));
    }
    if (options_.columns.empty()) {
      for (std::size_t j = 0; j < width_; ++j) chosen_.push_back(j);
      table_.columns = std::move(names);
    } else {
      table_.columns = options_.columns;
    }
  }

  /// Calls `f(row)` for every data row.
  template <class F>
  void for_each_row(F&& f) {
    CsvScanner scanner(text_, options_, where_);
    std::vector<CsvField> row;
    if (header_) scanner.next(row);
    while (scanner.next(row)) {
      if (row.size() != width_) {
        const bool more = row.size() > width_;
        scanner.fail(more ? row[width_].line : scanner.line(), more ? row[width_].column : scanner.column(),
                     more ? "too many fields in the row" : "too few fields in the row",
                     fmt::format("{} fields, as in line {}", width_, first_line_), fmt::format("{}", row.size()));
      }
      f(row);
    }
  }

  [[noreturn]] void fail_unfit(const Location& location, std::string_view what) const {
    CsvScanner(text_, options_, where_)
        .fail(location.line, location.column, what,
              fmt::format("{} values (read as f64, these are not an error)", name(options_.dtype)),
              fmt::format("'{}'", location.text));
  }

  template <class T>
  T missing_value(const CsvField& field) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::numeric_limits<T>::quiet_NaN();
    } else {
      fail_unfit({field.line, field.column, std::string(field.text)}, "missing value");
    }
  }

  template <class T>
  void read_values() {
    using Stored = std::conditional_t<std::is_same_v<T, bool>, unsigned char, T>;  // vector<bool> has no data()
    std::vector<Stored> values;
    std::int64_t rows = 0;
    for_each_row([&](const std::vector<CsvField>& row) {
      ++rows;
      for (std::size_t j = 0; j < chosen_.size(); ++j) {
        const CsvField& field = row[chosen_[j]];
        T value{};
        if (is_missing(field.text, options_)) {
          value = missing_value<T>(field);
        } else {
          const auto parsed = parse(field.text, value);
          entries_[j].add(parsed == Parsed::text, field);
          text_columns_[j] = text_columns_[j] || parsed == Parsed::text;
          // Not an error yet: the column may still be text.
          if (parsed == Parsed::unfit && !unfit_[j]) unfit_[j] = {field.line, field.column, std::string(field.text)};
        }
        values.push_back(static_cast<Stored>(value));
      }
    });
    for (std::size_t j = 0; j < chosen_.size(); ++j) {
      expect_no_odd_entry(entries_[j], j);
      if (unfit_[j] && !text_columns_[j]) fail_unfit(*unfit_[j], "a number does not fit the dtype");
    }
    table_.values = Array::empty({rows, static_cast<std::int64_t>(chosen_.size())}, options_.dtype);
    if (!values.empty()) std::memcpy(table_.values.raw(), values.data(), values.size() * sizeof(T));
    if (std::find(text_columns_.begin(), text_columns_.end(), true) != text_columns_.end()) encode_text<T>();
  }

  template <class T>
  void encode_text() {
    const std::size_t n = chosen_.size();
    std::vector<std::map<std::string, std::int64_t>> codes(n);
    std::vector<std::vector<const std::int64_t*>> rows(n);  // pointers into the map, whose nodes are stable
    for_each_row([&](const std::vector<CsvField>& row) {
      for (std::size_t j = 0; j < n; ++j) {
        if (!text_columns_[j]) continue;
        const CsvField& field = row[chosen_[j]];
        rows[j].push_back(is_missing(field.text, options_)
                              ? nullptr
                              : &codes[j].try_emplace(field.value(options_.quote), 0).first->second);
      }
    });
    T* values = table_.values.template data<T>();
    for (std::size_t j = 0; j < n; ++j) {
      std::int64_t code = 0;
      for (auto& [text, number] : codes[j]) {
        table_.categories[j].push_back(text);
        number = code++;
      }
      if (std::is_same_v<T, bool> && code > 2) {
        raise<IoError>(
            fmt::format("{}: column '{}' has too many categories for dtype boolean", where_, table_.columns[j]),
            "at most 2", std::to_string(code));
      }
      for (std::size_t i = 0; i < rows[j].size(); ++i) {
        if (rows[j][i] != nullptr) values[i * n + j] = static_cast<T>(*rows[j][i]);
      }
    }
  }

  std::string_view text_;
  const CsvOptions& options_;
  std::string where_;
  bool header_ = false;
  std::size_t width_ = 0, first_line_ = 1;
  std::vector<std::size_t> chosen_;  // field indices, in the requested order
  std::vector<bool> text_columns_;
  std::vector<std::optional<Location>> unfit_;
  std::vector<Entries> entries_;
  Csv table_;
};

}  // namespace

std::int64_t Csv::index(std::string_view column) const { return find_column(columns, column, "csv"); }

Array Csv::operator[](std::string_view column) const { return core::select(values, 1, index(column)); }

Csv read_csv(const std::string& path, const CsvOptions& options) {
  const std::string text = detail::Input("read_csv", path).read_all();
  return Reader(text, options, fmt::format("read_csv: '{}'", path)).read();
}

Csv read_csv(std::istream& stream, const CsvOptions& options) {
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  if (stream.bad()) raise<IoError>("read_csv: reading the stream failed");
  return Reader(text, options, "read_csv: the stream").read();
}

}  // namespace newtape::data
