// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/inspect/reports/page.hpp>
#include <newtape/inspect/reports/report_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace newtape::inspect::detail {
namespace {

std::vector<double> finite_values(const ArrayLike& values, std::int64_t& others) {
  const Array x = core::contiguous(core::cast(values, f64));
  std::vector<double> finite;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x.data<double>()[i])) finite.push_back(x.data<double>()[i]);
  }
  others = x.size() - static_cast<std::int64_t>(finite.size());
  return finite;
}

std::string grouped_number(std::int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = std::ssize(digits) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string class_name(const std::vector<std::string>& classes, std::int64_t k) {
  const auto i = static_cast<std::size_t>(k);
  return i < classes.size() ? html_escape(classes[i]) : std::to_string(k);
}

}  // namespace

std::string pairs_table(const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (pairs.empty()) return {};
  std::vector<std::vector<std::string>> rows{{"name", "value"}};
  for (const auto& [name, value] : pairs) rows.push_back({html_escape(name), html_escape(value)});
  return html_table(rows, "text");
}

std::vector<std::pair<std::string, std::string>> environment_pairs() {
  const BuildInfo info = build_info();
  std::vector<std::pair<std::string, std::string>> pairs{
      {"Newtape", info.version},
      {"compiler", info.compiler},
      {"build", info.build},
      {"processor", info.processor},
      {"kernels", info.kernels},
      {"BLAS", info.blas + (info.blas_core.empty() ? "" : ", " + info.blas_core)},
      {"threads", fmt::format("{} of {} processors", info.threads, info.processors)}};
  for (const auto& note : info.notes) pairs.emplace_back("note", note);
  std::erase_if(pairs, [](const auto& p) { return p.second.empty(); });
  return pairs;
}

std::string summary_table(const nn::Summary& summary) {
  std::vector<std::vector<std::string>> rows{{"layer", "type", "output shape", "parameters", "multiply-adds"}};
  const bool measured = summary.seconds > 0;
  if (measured) rows[0].insert(rows[0].end(), {"time", "kept for backward", "peak"});
  for (const auto& layer : summary.layers) {
    std::string shape = layer.outputs.empty() ? "" : newtape::to_string(layer.outputs.front());
    if (layer.outputs.size() > 1) shape += fmt::format(" x{}", layer.outputs.size());
    std::string parameters = layer.parameters == 0 ? "" : grouped_number(layer.parameters);
    if (layer.shared > 0) parameters += " (" + grouped_number(layer.shared) + " shared)";
    rows.push_back({layer.path.empty() ? "(model)" : html_escape(layer.path), html_escape(layer.type), shape,
                    parameters, layer.multiply_adds == 0 ? "" : grouped_number(layer.multiply_adds)});
    if (!measured) continue;
    rows.back().push_back(html_bar(layer.seconds / summary.seconds, report_seconds(layer.seconds)));
    rows.back().push_back(html_bar(static_cast<double>(layer.kept_bytes) / static_cast<double>(summary.kept_bytes),
                                   report_bytes(static_cast<double>(layer.kept_bytes))));
    rows.back().push_back(report_bytes(static_cast<double>(layer.peak_bytes)));
  }
  rows.push_back({"total", "", "", grouped_number(summary.parameters), grouped_number(summary.multiply_adds)});
  if (measured) {
    rows.back().insert(rows.back().end(),
                       {report_seconds(summary.seconds), report_bytes(static_cast<double>(summary.kept_bytes)),
                        report_bytes(static_cast<double>(summary.peak_bytes))});
  }
  return html_table(rows);
}

std::string profile_rows(const std::vector<ProfileEntry>& entries, double seconds) {
  std::vector<std::vector<std::string>> rows{
      {"name", "calls", "forward", "backward", "share of the time", "allocated", "multiply-adds"}};
  for (const auto& e : entries) {
    const double share = seconds > 0 ? (e.seconds + e.backward_seconds) / seconds : 0;
    rows.push_back({html_escape(e.name), grouped_number(e.calls), report_seconds(e.seconds),
                    report_seconds(e.backward_seconds), html_bar(share, fmt::format("{:.1f} %", 100 * share)),
                    report_bytes(static_cast<double>(e.bytes)),
                    e.multiply_adds == 0 ? "" : grouped_number(e.multiply_adds)});
  }
  return html_table(rows);
}

std::string histogram_figure(const std::string& name, const ArrayLike& values) {
  std::int64_t others = 0;
  const auto x = finite_values(values, others);
  std::vector<double> edges, counts;
  double mean = 0;
  if (!x.empty()) {
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    const double margin = *high > *low ? 0 : std::max(0.5, std::abs(*low) / 1000);
    const double from = *low - margin;
    const double to = *high + margin;
    constexpr std::size_t bins = 60;
    counts.resize(bins);
    for (std::size_t i = 0; i <= bins; ++i) {
      const double share = static_cast<double>(i) / bins;
      edges.push_back(from * (1 - share) + to * share);
    }
    for (const double v : x) {
      mean += v / static_cast<double>(x.size());
      const double at = (v / 2 - from / 2) / (to / 2 - from / 2) * bins;
      counts[std::min(bins - 1, static_cast<std::size_t>(std::max(0.0, at)))] += 1;
    }
  }
  std::string note = fmt::format("{} values", x.size());
  if (!x.empty()) {
    const auto zeros = std::count(x.begin(), x.end(), 0.0);
    note += fmt::format(", mean {:.4g}", mean);
    if (zeros > 0)
      note += fmt::format(", {:.1f} % zeros", 100.0 * static_cast<double>(zeros) / static_cast<double>(x.size()));
  }
  if (others > 0) note += fmt::format(", and {} that are not finite", others);
  return histogram_chart(edges, counts, {.title = name}, note);
}

std::string spectrum_figure(const std::string& name, const ArrayLike& values) {
  std::int64_t others = 0;
  auto x = finite_values(values, others);
  std::sort(x.begin(), x.end(), [](double a, double b) { return std::abs(a) > std::abs(b); });
  CurveSeries positive, negative;
  std::int64_t zeros = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 0) {
      ++zeros;
    } else {
      (x[i] > 0 ? positive : negative).add(static_cast<double>(i + 1), std::abs(x[i]));
    }
  }
  std::vector<ChartLine> lines;
  if (!positive.buckets().empty()) lines.push_back({"positive", {&positive}, 0});
  if (!negative.buckets().empty()) lines.push_back({"negative, their size", {&negative}, 1, 1});
  const std::string label = fmt::format("rank of {}{}{}", x.size(), zeros > 0 ? fmt::format(", {} zeros", zeros) : "",
                                        others > 0 ? fmt::format(", {} not finite", others) : "");
  return line_chart(lines, {.title = name, .x_label = label});
}

std::string confusion_table(const ArrayLike& counts, const std::vector<std::string>& classes) {
  if (counts.ndim() != 2 || counts.shape(0) != counts.shape(1)) {
    raise<ShapeError>("Report: a confusion matrix must be square", "[classes, classes]", to_string(counts.shape()));
  }
  const Array c = core::contiguous(core::cast(counts, f64));
  const auto n = counts.shape(0);
  std::vector<std::vector<std::string>> rows{{"true \\ predicted"}};
  for (std::int64_t k = 0; k < n; ++k) rows[0].push_back(class_name(classes, k));
  rows[0].push_back("recall");
  for (std::int64_t t = 0; t < n; ++t) {
    const double* const row = c.data<double>() + t * n;
    double all = 0;
    for (std::int64_t p = 0; p < n; ++p) all += row[p];
    rows.push_back({class_name(classes, t)});
    for (std::int64_t p = 0; p < n; ++p) {
      const char* const rgb = p == t ? "0, 158, 115" : "213, 94, 0";
      rows.back().push_back(row[p] == 0 ? "<td>·</td>"
                                        : fmt::format("<td style=\"background: rgba({}, {:.3f})\">{:.0f}</td>", rgb,
                                                      0.1 + 0.6 * row[p] / all, row[p]));
    }
    rows.back().push_back(all == 0 ? "" : fmt::format("{:.1f} %", 100 * row[t] / all));
  }
  return html_table(rows, "confusion");
}

std::string pictures(std::span<const Array> images, std::span<const std::string> captions,
                     const std::vector<bool>& wrong) {
  std::string out = "<div class=\"pictures\">";
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::string caption = html_escape(i < captions.size() ? captions[i] : std::string());
    const bool framed = i < wrong.size() && wrong[i];
    out += fmt::format(
        "<figure{}><img alt=\"{}\" src=\"data:image/png;base64,{}\"><figcaption>{}{}</figcaption></figure>\n",
        framed ? " class=\"wrong\"" : "", caption,
        base64(data::encode_png(images[i], {.layout = data::ImageLayout::channels_last})), framed ? "\u2717 " : "",
        caption);
  }
  return out + "</div>\n";
}

std::string section(const std::string& heading, const std::string& body) {
  if (body.empty()) return {};
  return "<section><h2>" + html_escape(heading) + "</h2>\n" + body + "</section>\n";
}

std::string chart_section(const std::string& heading, const std::string& figures) {
  return figures.empty() ? std::string() : section(heading, "<div class=\"charts\">" + figures + "</div>");
}

std::string utc_time(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}:{:02} UTC", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()}, clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace newtape::inspect::detail
