// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/file.hpp>
#include <newtape/inspect/reports/page.hpp>
#include <newtape/inspect/reports/report.hpp>
#include <newtape/inspect/reports/report_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {
namespace {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const NamedTexts& pairs, const std::string& name) {
  const auto at = std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == name; });
  return at == pairs.end() ? std::string() : at->second;
}

/// Names with both values; rows that differ are marked.
std::string compared_table(const NamedTexts& a, const NamedTexts& b) {
  std::vector<std::string> names;
  for (const auto* pairs : {&a, &b}) {
    for (const auto& p : *pairs) {
      if (std::find(names.begin(), names.end(), p.first) == names.end()) names.push_back(p.first);
    }
  }
  if (names.empty()) return {};
  std::string out = "<div class=\"wide\"><table class=\"text\"><tr><th>name</th><th>A</th><th>B</th></tr>\n";
  for (const auto& name : names) {
    const std::string first = text_of(a, name);
    const std::string second = text_of(b, name);
    out += fmt::format("<tr{}><td>{}</td><td>{}</td><td>{}</td></tr>\n", first == second ? "" : " class=\"changed\"",
                       detail::html_escape(name), detail::html_escape(first), detail::html_escape(second));
  }
  return out + "</table></div>\n";
}

/// The mean of the last values over seeds; NaN when there are none.
double last_value(const detail::RunData& run, const std::string& tag) {
  double sum = 0;
  double count = 0;
  for (const auto& s : run.series) {
    if (s.tag != tag || s.points.buckets().empty()) continue;
    sum += s.points.buckets().back().last.y;
    ++count;
  }
  return sum / count;
}

std::string final_values(const detail::RunData& a, const detail::RunData& b) {
  std::vector<std::string> tags;
  for (const auto* run : {&a, &b}) {
    for (const auto& s : run->series) {
      if (std::find(tags.begin(), tags.end(), s.tag) == tags.end()) tags.push_back(s.tag);
    }
  }
  if (tags.empty()) return {};
  std::vector<std::vector<std::string>> rows{{"last value", "A", "B", "B - A", "B / A"}};
  for (const auto& tag : tags) {
    const double first = last_value(a, tag);
    const double second = last_value(b, tag);
    const auto shown = [](double v) { return std::isnan(v) ? std::string() : detail::report_number(v); };
    rows.push_back({detail::html_escape(tag), shown(first), shown(second), shown(second - first),
                    first == 0 ? std::string() : shown(second / first)});
  }
  return detail::html_table(rows);
}

std::string compared_layers(const detail::RunData& a, const detail::RunData& b) {
  std::vector<std::string> paths;
  for (const auto* run : {&a, &b}) {
    for (const auto& l : run->layers) {
      if (std::find(paths.begin(), paths.end(), l.path) == paths.end()) paths.push_back(l.path);
    }
  }
  if (paths.empty()) return {};
  const auto find = [](const detail::RunData& run, const std::string& path) {
    const auto at = std::find_if(run.layers.begin(), run.layers.end(), [&](const auto& l) { return l.path == path; });
    return at == run.layers.end() ? nullptr : &*at;
  };
  std::vector<std::vector<std::string>> rows{{"layer", "time A", "time B", "kept A", "kept B"}};
  for (const auto& path : paths) {
    const auto* const first = find(a, path);
    const auto* const second = find(b, path);
    const auto time = [](const auto* l) { return l == nullptr ? std::string() : detail::report_seconds(l->seconds); };
    const auto kept = [](const auto* l) {
      return l == nullptr ? std::string() : detail::report_bytes(static_cast<double>(l->bytes));
    };
    rows.push_back(
        {path.empty() ? "(model)" : detail::html_escape(path), time(first), time(second), kept(first), kept(second)});
  }
  return detail::html_table(rows);
}

}  // namespace

void write_report_difference(const std::string& first, const std::string& second, const std::string& path) {
  const detail::RunData a = detail::read_page_data(first);
  const detail::RunData b = detail::read_page_data(second);
  const std::string title = "A: " + a.title + " - B: " + b.title;
  std::string body = "<h1>" + detail::html_escape(title) + "</h1>\n";
  body += fmt::format("<p class=\"note\">A, solid: {}<br>B, dashed: {}</p>\n", detail::html_escape(first),
                      detail::html_escape(second));
  body += detail::section("Last values", final_values(a, b));
  body += detail::chart_section("Curves", detail::curve_figures(a, &b, "A", "B"));
  body += detail::section("Findings", compared_table(a.findings, b.findings));
  body += detail::section("Configuration", compared_table(a.config, b.config));
  body += detail::section("Layers", compared_layers(a, b));
  body += detail::section("Environment", compared_table(a.environment, b.environment));
  data::detail::Output file("write_report_difference", path);
  file.write(detail::html_page(title, body, 0));
  file.commit();
}

}  // namespace newtape::inspect
