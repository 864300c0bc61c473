// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/inspect/reports/axis.hpp>
#include <newtape/inspect/reports/chart.hpp>
#include <newtape/inspect/reports/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace newtape::inspect::detail {
namespace {

using Rgb = std::array<double, 3>;

/// Cividis at 0, 0.2, .., 1.
Rgb cividis(double share) {
  constexpr Rgb stops[] = {{0.000, 0.135, 0.305}, {0.208, 0.272, 0.424}, {0.399, 0.411, 0.447},
                           {0.581, 0.557, 0.471}, {0.785, 0.720, 0.402}, {0.995, 0.909, 0.218}};
  const double at = std::clamp(share, 0.0, 1.0) * 5;
  const auto i = std::min<std::size_t>(static_cast<std::size_t>(at), 4);
  Rgb c{};
  for (std::size_t k = 0; k < 3; ++k)
    c[k] = stops[i][k] + (at - static_cast<double>(i)) * (stops[i + 1][k] - stops[i][k]);
  return c;
}
constexpr Rgb off_scale{0.835, 0.369, 0.0};

void set_pixel(Array& image, std::int64_t y, std::int64_t x, const Rgb& colour) {
  double* const p = image.data<double>() + (y * image.shape(1) + x) * 3;
  std::copy(colour.begin(), colour.end(), p);
}

std::string image_element(const Array& image, double x, double y, double width, double height) {
  return fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" style=\"image-rendering: "
      "pixelated\" href=\"data:image/png;base64,{}\"/>\n",
      x, y, width, height, base64(data::encode_png(image, {.layout = data::ImageLayout::channels_last})));
}

/// The name, its beginning cut off where it is long: the ends of paths differ.
std::string row_name(const std::string& name) {
  constexpr std::size_t longest = 22;
  if (name.size() <= longest) return html_escape(name);
  std::size_t from = name.size() - longest + 1;
  while (from < name.size() && (static_cast<unsigned char>(name[from]) & 0xc0) == 0x80) ++from;
  return "\u2026" + html_escape(name.substr(from));
}

}  // namespace

std::string heat_map_chart(const HeatMap& map, const ChartOptions& options) {
  const std::string title = html_escape(options.title);
  const auto frame = [&](const std::string& inside) {
    return fmt::format("<figure><figcaption>{}</figcaption>{}</figure>\n", title, inside);
  };
  if (map.columns.empty() || map.rows.empty()) return frame("<p class=\"note\">no values yet</p>");
  const auto scaled = [&](double v) { return map.log_scale ? std::log10(v) : v; };
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  std::int64_t outside = 0;
  for (const auto& column : map.values) {
    for (const double v : column) {
      const double s = scaled(v);
      if (std::isfinite(s)) {
        low = std::min(low, s);
        high = std::max(high, s);
      } else {
        ++outside;
      }
    }
  }
  const auto rows = static_cast<std::int64_t>(map.rows.size());
  const auto columns = static_cast<std::int64_t>(map.columns.size());
  Array cells = core::zeros({rows, columns, 3}, f64);
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto& column = map.values[static_cast<std::size_t>(c)];
    for (std::int64_t r = 0; r < rows; ++r) {
      const double s = static_cast<std::size_t>(r) < column.size() ? scaled(column[static_cast<std::size_t>(r)]) : NAN;
      set_pixel(cells, r, c, std::isfinite(s) ? cividis(high > low ? (s - low) / (high - low) : 0.5) : off_scale);
    }
  }
  Array scale = core::zeros({1, 64, 3}, f64);
  for (std::int64_t i = 0; i < 64; ++i) set_pixel(scale, 0, i, cividis(static_cast<double>(i) / 63));

  constexpr double left = 160, right = 630, top = 8;
  const double row_height = std::clamp(240.0 / static_cast<double>(rows), 4.0, 28.0);
  const double bottom = top + row_height * static_cast<double>(rows);
  std::string out =
      fmt::format("<svg viewBox=\"0 0 640 {:.1f}\" role=\"img\" aria-label=\"{}\">\n", bottom + 62, title);
  out += image_element(cells, left, top, right - left, bottom - top);
  const auto every = static_cast<std::size_t>(std::ceil(12 / row_height));
  for (std::size_t r = 0; r < map.rows.size(); r += every) {
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}<title>{}</title></text>\n", left - 6,
                       top + (static_cast<double>(r) + 0.5) * row_height + 4, row_name(map.rows[r]),
                       html_escape(map.rows[r]));
  }
  const std::size_t marks = std::min<std::size_t>(map.columns.size(), 6);
  for (std::size_t i = 0; i < marks; ++i) {
    const std::size_t c = marks == 1 ? 0 : i * (map.columns.size() - 1) / (marks - 1);
    const bool last = i > 0 && i + 1 == marks;  // ends within the figure
    out += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{:.6g}</text>\n",
        last ? right : left + (static_cast<double>(c) + 0.5) / static_cast<double>(columns) * (right - left),
        bottom + 15, last ? "end" : "middle", map.columns[c]);
  }
  if (low <= high) {
    const auto shown = [&](double v) { return report_number(map.log_scale ? std::pow(10.0, v) : v); };
    out += image_element(scale, left, bottom + 30, 160, 8);
    out += fmt::format(
        "<text x=\"{}\" y=\"{:.1f}\">{}</text><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left,
        bottom + 52, shown(low), left + 160, bottom + 52, shown(high) + (map.log_scale ? " (log)" : ""));
  }
  out += fmt::format("<text class=\"faint\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text></svg>\n", right,
                     bottom + 32, html_escape(options.x_label));
  if (outside > 0) {
    out += fmt::format("<p class=\"note\">{} values without a place on the scale (orange): not finite{}</p>", outside,
                       map.log_scale ? ", or not positive" : "");
  }
  return frame(out);
}

}  // namespace newtape::inspect::detail
