// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/findings.hpp>
#include <newtape/inspect/reports/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace newtape::inspect::detail {
namespace {

using TableRows = std::vector<std::vector<std::string>>;

std::string code_html(const std::string& code) {
  return code.empty() ? std::string() : "<code>" + html_escape(code) + "</code>";
}

std::string note_html(const std::string& text) { return "<p class=\"note\">" + html_escape(text) + "</p>\n"; }

std::string name_list(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : ", ") + n;
  return all;
}

/// The rows of a map, whose columns are the steps of all series; a series may have no record at some of them.
template <class Series, class Value>
HeatMap history_map(const Series& all, const Value& value) {
  HeatMap map{.log_scale = true};
  for (const auto& series : all) {
    for (const auto& record : series.history.records()) map.columns.push_back(static_cast<double>(record.step));
  }
  std::sort(map.columns.begin(), map.columns.end());
  map.columns.erase(std::unique(map.columns.begin(), map.columns.end()), map.columns.end());
  for (const auto& series : all) {
    const auto records = series.history.records();
    // Constants have no gradients: rows without any value are left out.
    if (std::all_of(records.begin(), records.end(), [&](const auto& r) { return std::isnan(value(r)); })) continue;
    for (auto& column : map.values) column.push_back(std::numeric_limits<double>::quiet_NaN());
    if (map.values.empty()) map.values.assign(map.columns.size(), {std::numeric_limits<double>::quiet_NaN()});
    for (const auto& record : records) {
      const auto at = std::lower_bound(map.columns.begin(), map.columns.end(), static_cast<double>(record.step));
      map.values[static_cast<std::size_t>(at - map.columns.begin())].back() = value(record);
    }
    if constexpr (requires { series.name(); }) {
      map.rows.push_back(series.name());
    } else {
      map.rows.push_back(series.name);
    }
  }
  return map;
}

std::string percent(double share) { return html_bar(share, fmt::format("{:.1f} %", 100 * share)); }

}  // namespace

std::string diagnosis_html(const Diagnosis& d) {
  std::string out = note_html(fmt::format("{} steps, loss {:.4g} to {:.4g}{}", d.steps, d.first_loss, d.last_loss,
                                          d.died ? "; the run died: " + d.error : ""));
  if (d.causes.empty()) out += "<p>No cause was found.</p>\n";
  if (!d.causes.empty()) {
    TableRows rows{{"cause", "evidence", "where", "remedy", "error removed in a trial", "why this threshold"}};
    for (const auto& c : d.causes) {
      rows.push_back({"<td><strong>" + html_escape(c.name) + "</strong><br>" + html_escape(c.cause) + "</td>",
                      html_escape(c.evidence), html_escape(c.where), code_html(c.remedy),
                      c.gain ? fmt::format("{:.0f} %", 100 * *c.gain) : "not tried",
                      html_escape(c.reason + (c.source.empty() ? "" : " (" + c.source + ")"))});
    }
    out += html_table(rows, "text findings");
  }
  if (!d.symptoms.empty()) {
    TableRows rows{{"symptom", "evidence", "where", "explained by"}};
    for (const auto& s : d.symptoms) {
      rows.push_back({html_escape(s.name), html_escape(s.evidence), html_escape(s.where), html_escape(s.explained_by)});
    }
    out += html_table(rows, "text findings");
  }
  if (!d.ruled_out.empty()) out += note_html("ruled out: " + name_list(d.ruled_out));
  if (!d.not_examined.empty()) out += note_html("not examined: " + name_list(d.not_examined));
  return out + "<details><summary>the whole letter</summary><pre>" + html_escape(d.to_string()) + "</pre></details>\n";
}

std::string diagnosis_line(const Diagnosis& d) {
  if (!d.causes.empty()) return d.causes[0].name + ": " + d.causes[0].evidence;
  return d.died ? "the run died: " + d.error : "no cause was found";
}

std::string effects_html(std::span<const Effect> effects) {
  TableRows rows{
      {"technique", "verdict", "difference", "interval", "p", "P(better)", "effect size", "runs", "time", "memory"}};
  std::string sentences;
  for (const auto& e : effects) {
    const double memory = e.baseline_cost.peak_bytes == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                          : static_cast<double>(e.technique_cost.peak_bytes) /
                                                                static_cast<double>(e.baseline_cost.peak_bytes);
    rows.push_back(
        {html_escape(e.technique), html_escape(verdict_text(e)),
         html_escape(fmt::format("{:+.4g} {}", e.difference, e.metric)),
         fmt::format("{:+.4g} to {:+.4g}", e.interval.low, e.interval.high), fmt::format("{:.3g}", e.adjusted_p),
         fmt::format("{:.0f} %", 100 * e.improvement), fmt::format("{:+.2f}", e.effect_size), std::to_string(e.runs()),
         fmt::format("x {:.2f}", e.time_ratio), std::isfinite(memory) ? fmt::format("x {:.2f}", memory) : ""});
    sentences += note_html(summary(e));
  }
  return effects.empty() ? std::string() : html_table(rows) + sentences;
}

std::string effects_figure(const std::string& title, std::span<const Effect> effects) {
  std::vector<CurveSeries> curves;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    names.push_back(name);
    curves.emplace_back();
    for (std::size_t i = 0; i < values.size(); ++i) curves.back().add(static_cast<double>(i + 1), values[i]);
  };
  for (const auto& e : effects) {
    if (names.empty()) add("baseline", e.baseline_values);
    add(e.technique, e.technique_values);
  }
  std::vector<ChartLine> lines;
  for (std::size_t i = 0; i < curves.size(); ++i) lines.push_back({names[i], {&curves[i]}, i, i});
  return line_chart(lines, {.title = title, .x_label = "run"});
}

HeatMap parameter_map(const Probe& probe, const std::function<double(const ParameterRecord&)>& value) {
  return history_map(probe.parameters(), value);
}

HeatMap result_map(const Probe& probe, const std::function<double(const ResultRecord&)>& value) {
  return history_map(probe.results(), value);
}

std::string probe_parameters(const Probe& probe) {
  TableRows rows{{"parameter", "shape", "rms", "gradient norm", "step / value", "zeros"}};
  for (const auto& p : probe.parameters()) {
    if (p.history.empty()) continue;
    const auto& r = p.history.latest();
    rows.push_back({html_escape(p.name), newtape::to_string(p.parameter.shape()), report_number(r.value.rms()),
                    r.grad.examined > 0 ? report_number(r.grad.norm()) : "none", report_number(r.update_ratio()),
                    percent(r.value.zero_share())});
  }
  return rows.size() > 1 ? html_table(rows) : std::string();
}

std::string probe_results(const Probe& probe) {
  TableRows rows{{"result of", "computed by", "shape", "mean", "rms", "smallest", "largest", "zeros", "saturated",
                  "not finite", "gradient rms"}};
  for (const auto& x : probe.results()) {
    if (x.history.empty()) continue;
    const auto& r = x.history.latest();
    rows.push_back({html_escape(x.name()), html_escape(x.op), newtape::to_string(x.shape),
                    report_number(r.value.mean()), report_number(r.value.rms()), report_number(r.value.min),
                    report_number(r.value.max), percent(r.value.zero_share()), percent(r.value.saturated_share()),
                    percent(r.value.non_finite_share()), r.grad.examined > 0 ? report_number(r.grad.rms()) : "none"});
  }
  return rows.size() > 1 ? html_table(rows) : std::string();
}

}  // namespace newtape::inspect::detail
