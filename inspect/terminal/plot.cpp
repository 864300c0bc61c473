// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/terminal/plot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

/// The finite values that fall into one column of dots.
struct DotColumn {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double last = 0;

  bool empty() const noexcept { return low > high; }
};

/// A grid of dots, (0, 0) at the lower left.
class DotGrid {
 public:
  DotGrid(std::size_t width, std::size_t height) : width_(width), dots_(width * height) {}
  void set(std::size_t x, std::size_t y) { dots_[y * width_ + x] = true; }
  bool at(std::size_t x, std::size_t y) const { return dots_[y * width_ + x]; }

 private:
  std::size_t width_;
  std::vector<bool> dots_;
};

/// The braille character of 2 by 4 dots from (x, y) on: U+2800 plus a bit for each.
std::string braille_character(const DotGrid& grid, std::size_t x, std::size_t y) {
  constexpr unsigned bits[4][2] = {{0x40, 0x80}, {0x04, 0x20}, {0x02, 0x10}, {0x01, 0x08}};
  unsigned code = 0;
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 2; ++column) code |= grid.at(x + column, y + row) ? bits[row][column] : 0;
  }
  if (code == 0) return " ";
  return {static_cast<char>(0xe2), static_cast<char>(0xa0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

std::string short_number(double v) { return fmt::format("{:.4g}", v); }

}  // namespace

std::string plot(std::span<const double> values, const PlotOptions& options) {
  if (options.columns < 1 || options.rows < 1) {
    raise<ValueError>("plot: there must be columns and rows", "1 or more",
                      fmt::format("{} and {}", options.columns, options.rows));
  }
  const std::size_t across = options.braille ? 2 : 1;
  const std::size_t up = options.braille ? 4 : 1;
  const std::size_t width = static_cast<std::size_t>(options.columns) * across;
  const std::size_t height = static_cast<std::size_t>(options.rows) * up;
  std::vector<DotColumn> columns(width);
  std::size_t left_out = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = options.log_scale ? std::log10(values[i]) : values[i];
    if (!std::isfinite(v)) {
      ++left_out;
      continue;
    }
    auto& c = columns[values.size() <= 1 ? 0 : i * (width - 1) / (values.size() - 1)];
    c.low = std::min(c.low, v);
    c.high = std::max(c.high, v);
    c.last = v;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  DotGrid grid(width, height);
  // Halves keep the difference finite where the range is longer than the largest number.
  const double span = high / 2 - low / 2;
  const auto row_of = [&](double v) {
    const double share = span > 0 ? (v / 2 - low / 2) / span : 0;
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(height - 1)));
  };
  const DotColumn* before = nullptr;
  for (std::size_t x = 0; x < width; ++x) {
    const DotColumn& c = columns[x];
    if (c.empty()) continue;
    auto from = row_of(c.low);
    auto to = row_of(c.high);
    if (before != nullptr) {  // joins the curve
      from = std::min(from, row_of(before->last) + (row_of(before->last) < from ? 1 : 0));
      to = std::max(to, row_of(before->last) - (row_of(before->last) > to ? 1 : 0));
    }
    for (auto y = from; y <= to; ++y) grid.set(x, y);
    before = &c;
  }
  const auto shown = [&](double v) { return short_number(options.log_scale ? std::pow(10.0, v) : v); };
  const std::string top = low > high ? "" : shown(high);
  const std::string bottom = low > high ? "" : shown(low);
  const std::size_t margin = std::max(top.size(), bottom.size());
  std::string text = options.title.empty() ? "" : options.title + "\n";
  for (int r = 0; r < options.rows; ++r) {
    text += fmt::format("{:>{}} {}",
                        r == 0                  ? top
                        : r + 1 == options.rows ? bottom
                                                : "",
                        margin, options.braille ? "\u2502" : "|");
    const std::size_t y = height - up * static_cast<std::size_t>(r + 1);
    for (std::size_t c = 0; c < static_cast<std::size_t>(options.columns); ++c) {
      text += options.braille ? braille_character(grid, 2 * c, y) : grid.at(c, y) ? "*" : " ";
    }
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  }
  if (left_out > 0) text += fmt::format("{} of {} values cannot be shown\n", left_out, values.size());
  return text;
}

}  // namespace newtape::inspect
