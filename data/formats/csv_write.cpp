// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/csv.hpp>
#include <newtape/data/formats/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <type_traits>

namespace newtape::data {
namespace {

class Writer {
 public:
  Writer(const Csv& table, const CsvOptions& options) : table_(table), options_(options) {
    const bool defined = table.values.defined();
    if (!defined || table.values.ndim() != 2) {
      raise<ShapeError>("write_csv: the values must be a matrix", "[rows, columns]",
                        defined ? to_string(table.values.shape()) : "no array");
    }
    width_ = static_cast<std::size_t>(table.values.shape(1));
    for (const auto n : {table.columns.size(), table.categories.size()}) {
      if (n != 0 && n != width_) {
        raise<ShapeError>("write_csv: the number of names and of categories must be 0 or the number of columns",
                          std::to_string(width_), std::to_string(n));
      }
    }
    // An empty field if that denotes a missing value; quoted in a single column, where it would be a blank line.
    const auto& missing = options.missing;
    const bool blank = std::find(missing.begin(), missing.end(), "") != missing.end();
    missing_ = !blank && !missing.empty() ? missing.front() : blank ? "" : "nan";
    if (missing_.empty() && width_ == 1) missing_ = std::string(2, options.quote);
  }

  std::string text() {
    if (has_names()) {
      for (std::size_t j = 0; j < width_; ++j) {
        if (j != 0) out_ += options_.separator;
        put_text(table_.columns[j]);
      }
      out_ += '\n';
    }
    const Array values = core::contiguous(table_.values);
    visit_dtype(values.dtype(), [&]<class T>() {
      const T* p = values.data<T>();
      for (std::int64_t i = 0; i < values.shape(0); ++i) {
        for (std::size_t j = 0; j < width_; ++j, ++p) {
          if (j != 0) out_ += options_.separator;
          const bool coded = !table_.categories.empty() && !table_.categories[j].empty();
          if (std::is_floating_point_v<T> && *p != *p) {
            out_ += missing_;
          } else if (coded) {
            put_text(category(j, static_cast<double>(*p), i));
          } else {
            put_number(*p);
          }
        }
        out_ += '\n';
      }
    });
    return std::move(out_);
  }

 private:
  bool has_names() const {
    using Header = CsvOptions::Header;
    if (options_.header == Header::no || table_.columns.empty()) return false;
    if (options_.header == Header::yes) return true;
    for (std::size_t j = 0; j < width_; ++j) {
      if (table_.columns[j] != std::to_string(j)) return true;
    }
    return false;  // default names of a file without names
  }

  const std::string& category(std::size_t j, double code, std::int64_t row) const {
    const auto& categories = table_.categories[j];
    if (!(code >= 0) || std::trunc(code) != code || code >= static_cast<double>(categories.size())) {
      raise<ValueError>(fmt::format("write_csv: row {}, column {}: category code out of range", row, j),
                        fmt::format("a code below {}", categories.size()), fmt::format("{}", code));
    }
    return categories[static_cast<std::size_t>(code)];
  }

  void put_text(const std::string& text) {
    const char specials[] = {options_.separator, options_.quote, '\n', '\r'};
    const auto outer_blank = [](char c) { return c == ' ' || c == '\t'; };
    const bool quotes = text.empty() || outer_blank(text.front()) || outer_blank(text.back()) ||
                        text.find_first_of(std::string_view(specials, 4)) != std::string_view::npos;
    if (!quotes) {
      out_ += text;
      return;
    }
    out_ += options_.quote;
    for (const char c : text) {
      if (c == options_.quote) out_ += c;
      out_ += c;
    }
    out_ += options_.quote;
  }

  template <class T>
  void put_number(T value) {
    char buffer[32];
    char* end = nullptr;
    if constexpr (std::is_same_v<T, bool>) {
      end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<int>(value)).ptr;
    } else {
      end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // the shortest text that parses to the same bits
    }
    out_.append(buffer, end);
  }

  const Csv& table_;
  const CsvOptions& options_;
  std::size_t width_ = 0;
  std::string missing_, out_;
};

}  // namespace

void write_csv(const std::string& path, const Csv& table, const CsvOptions& options) {
  const std::string text = Writer(table, options).text();
  detail::Output file("write_csv", path);
  file.write(text);
  file.commit();
}

void write_csv(std::ostream& stream, const Csv& table, const CsvOptions& options) {
  stream << Writer(table, options).text();
  if (!stream) raise<IoError>("write_csv: writing to the stream failed");
}

}  // namespace newtape::data
