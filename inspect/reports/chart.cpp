// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/axis.hpp>
#include <newtape/inspect/reports/chart.hpp>
#include <newtape/inspect/reports/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace newtape::inspect::detail {
namespace {

constexpr double chart_width = 640, chart_height = 280;
constexpr double plot_left = 62, plot_right = 630, plot_top = 12, plot_bottom = 244;
constexpr std::size_t band_columns = 200;
constexpr std::size_t line_colours = 8;
constexpr const char* line_dashes[] = {"", "6 4", "2 3", "9 3 2 3"};

struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const noexcept { return low > high; }
};

std::string svg_start(std::string_view title) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", chart_width, chart_height,
                     html_escape(title));
}

std::string figure(const ChartOptions& options, const std::string& inside) {
  const std::string title = html_escape(options.title);
  return fmt::format("<figure><figcaption>{}</figcaption>{}</figure>\n", title, inside);
}

std::string draw_axes(const Axis& x, const Axis& y, const std::string& x_label) {
  std::string out;
  for (const auto& t : y.ticks(5)) {
    out += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>\n",
        plot_left, plot_right, y(t.value), plot_left - 6, y(t.value) + 4, t.label);
  }
  for (const auto& t : x.ticks(6)) {
    out += fmt::format(
        "<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4}</text>\n",
        x(t.value), plot_bottom, plot_bottom + 4, plot_bottom + 17, t.label);
  }
  out += fmt::format("<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>\n", plot_left, plot_right,
                     plot_bottom, plot_bottom);
  if (!x_label.empty()) {
    out += fmt::format("<text class=\"faint\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", plot_right,
                       plot_bottom + 32, html_escape(x_label));
  }
  return out;
}

std::string stroke_of(const ChartLine& line) {
  const char* const dashes = line_dashes[line.dash % std::size(line_dashes)];
  return fmt::format("style=\"stroke: var(--c{})\"{}", line.colour % line_colours,
                     *dashes == 0 ? "" : fmt::format(" stroke-dasharray=\"{}\"", dashes));
}

std::string polyline(const ChartLine& line, const std::vector<CurvePoint>& points, const Axis& x, const Axis& y) {
  std::string out = "<polyline class=\"line\" " + stroke_of(line) + " points=\"";
  for (const auto& p : points) out += fmt::format("{:.1f},{:.1f} ", x(p.x), y(p.y));
  out += "\"/>\n";
  if (points.size() == 1) {
    out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" style=\"fill: var(--c{})\"/>\n", x(points[0].x),
                       y(points[0].y), line.colour % line_colours);
  }
  return out;
}

/// The mean of a series in each of the columns between its first and its last; in between, interpolated.
std::vector<double> resampled(const CurveSeries& series, const Extent& range) {
  std::vector<double> sums(band_columns), counts(band_columns);
  const double width = std::max(range.high - range.low, 1e-300);
  for (const auto& b : series.buckets()) {
    const double middle = (b.first.x + b.last.x) / 2;
    const auto at = static_cast<std::size_t>((middle - range.low) / width * static_cast<double>(band_columns - 1));
    sums[std::min(at, band_columns - 1)] += b.sum;
    counts[std::min(at, band_columns - 1)] += static_cast<double>(b.count);
  }
  std::vector<double> means(band_columns, std::numeric_limits<double>::quiet_NaN());
  std::size_t before = band_columns;
  for (std::size_t i = 0; i < band_columns; ++i) {
    if (counts[i] == 0) continue;
    means[i] = sums[i] / counts[i];
    for (std::size_t k = before + 1; before < band_columns && k < i; ++k) {
      const double share = static_cast<double>(k - before) / static_cast<double>(i - before);
      means[k] = means[before] + share * (means[i] - means[before]);
    }
    before = i;
  }
  return means;
}

/// The band from the smallest to the largest series, and their mean.
std::string draw_band(const ChartLine& line, const Axis& x, const Axis& y) {
  Extent range;
  for (const auto* s : line.seeds) {
    for (const auto& b : s->buckets()) {
      range.add(b.first.x);
      range.add(b.last.x);
    }
  }
  if (range.empty()) return {};
  std::vector<std::vector<double>> all;
  for (const auto* s : line.seeds) all.push_back(resampled(*s, range));
  std::vector<CurvePoint> lower, upper, mean;
  for (std::size_t i = 0; i < band_columns; ++i) {
    Extent span;
    double sum = 0;
    double count = 0;
    for (const auto& s : all) {
      if (std::isnan(s[i])) continue;
      span.add(s[i]);
      sum += s[i];
      ++count;
    }
    if (count == 0) continue;
    const double at = range.low + (range.high - range.low) * static_cast<double>(i) / (band_columns - 1);
    lower.push_back({at, span.low});
    upper.push_back({at, span.high});
    mean.push_back({at, sum / count});
  }
  std::string out =
      fmt::format("<polygon class=\"band\" style=\"fill: var(--c{})\" points=\"", line.colour % line_colours);
  for (const auto& p : upper) out += fmt::format("{:.1f},{:.1f} ", x(p.x), y(p.y));
  for (auto p = lower.rbegin(); p != lower.rend(); ++p) out += fmt::format("{:.1f},{:.1f} ", x(p->x), y(p->y));
  return out + "\"/>\n" + polyline(line, mean, x, y);
}

std::string draw_line(const ChartLine& line, const Axis& x, const Axis& y) {
  if (line.seeds.size() > 1) return draw_band(line, x, y);
  std::vector<CurvePoint> points;
  for (const auto& b : line.seeds[0]->buckets()) {
    for (const auto& p : b.points()) points.push_back(p);
  }
  return points.empty() ? std::string() : polyline(line, points, x, y);
}

/// Names of the lines with their last values, and what could not be drawn.
std::string legend(const std::vector<ChartLine>& lines) {
  std::string out = "<div class=\"legend\">";
  std::string missing;
  for (const auto& line : lines) {
    const std::string name = html_escape(line.name);
    std::string value;
    if (line.seeds.size() > 1) {
      value = fmt::format(": mean and range of {} seeds", line.seeds.size());
    } else if (!line.seeds[0]->buckets().empty()) {
      value = ": " + report_number(line.seeds[0]->buckets().back().last.y);
    }
    out += fmt::format(
        "<span><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><line class=\"line\" x1=\"0\" x2=\"30\" y1=\"5\" "
        "y2=\"5\" "
        "{}/></svg>{}{}</span>\n",
        stroke_of(line), name, value);
    for (const auto* s : line.seeds) {
      if (s->nonfinite() == 0) continue;
      missing += fmt::format("<p class=\"note\">{}: {} not finite, the first at {:.6g}</p>\n", name, s->nonfinite(),
                             s->first_nonfinite());
    }
  }
  return out + "</div>\n" + missing;
}

}  // namespace

std::string line_chart(const std::vector<ChartLine>& lines, const ChartOptions& options) {
  Extent xs, ys;
  for (const auto& line : lines) {
    for (const auto* s : line.seeds) {
      for (const auto& b : s->buckets()) {
        for (const auto& p : b.points()) xs.add(p.x);
        ys.add(b.low.y);
        ys.add(b.high.y);
      }
      if (s->nonfinite() > 0) xs.add(s->first_nonfinite());
    }
  }
  if (xs.empty()) return figure(options, "<p class=\"note\">no values yet</p>");
  const bool log_scale = ys.low > 0 && ys.high / ys.low > 1e3;
  const Axis x(xs.low, xs.high, plot_left, plot_right);
  const Axis y =
      ys.empty() ? Axis(0, 1, plot_bottom, plot_top) : Axis(ys.low, ys.high, plot_bottom, plot_top, log_scale);
  std::string out = svg_start(options.title) + draw_axes(x, y, options.x_label);
  for (const auto& line : lines) out += draw_line(line, x, y);
  for (const auto& line : lines) {
    for (const auto* s : line.seeds) {
      if (s->nonfinite() == 0) continue;
      const double at = x(s->first_nonfinite());
      out +=
          fmt::format("<path class=\"bad\" d=\"M{0:.1f} {2} l8 8 M{1:.1f} {2} l-8 8\"/>\n", at - 4, at + 4, plot_top);
    }
  }
  if (log_scale) {
    out += fmt::format("<text class=\"faint\" x=\"{}\" y=\"{}\">logarithmic</text>\n", 4, plot_bottom + 32);
  }
  return figure(options, out + "</svg>\n" + legend(lines));
}

std::string histogram_chart(const std::vector<double>& edges, const std::vector<double>& counts,
                            const ChartOptions& options, std::string_view note) {
  const std::string below = note.empty() ? "" : "<p class=\"note\">" + html_escape(note) + "</p>";
  if (counts.empty()) return figure(options, "<p class=\"note\">no finite values</p>" + below);
  const Axis x(edges.front(), edges.back(), plot_left, plot_right);
  const Axis y(0, *std::max_element(counts.begin(), counts.end()), plot_bottom, plot_top);
  std::string out = svg_start(options.title) + draw_axes(x, y, options.x_label);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double left = x(edges[i]);
    const double top = y(counts[i]);
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" style=\"fill: "
        "var(--c0)\"><title>{} to {}: {}</title></rect>\n",
        left, top, std::max(0.5, x(edges[i + 1]) - left - 0.5), std::max(0.0, plot_bottom - top),
        report_number(edges[i]), report_number(edges[i + 1]), counts[i]);
  }
  return figure(options, out + "</svg>\n" + below);
}

}  // namespace newtape::inspect::detail
