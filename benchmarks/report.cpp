// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bench {

namespace {

/// Three digits, whatever the magnitude, without an exponent.
std::string three_digits(double x) {
  const int places = x >= 100 ? 0 : x >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", x, places);
}

std::string median_text(const std::vector<double>& seconds) {
  return seconds.empty() ? "-" : time_text(median(seconds));
}

std::vector<double> quotients(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) out.push_back(a[i] / b[i]);
  return out;
}

/// Of each row that has such quotients.
std::vector<double> medians(const std::vector<Row>& rows, std::vector<double> (Row::*quotients_of)() const) {
  std::vector<double> out;
  for (const auto& row : rows) {
    if (const auto values = (row.*quotients_of)(); !values.empty()) out.push_back(median(values));
  }
  return out;
}

}  // namespace

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], at - static_cast<double>(below));
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return three_digits(seconds * 1e6) + " us";
  if (seconds < 1) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds) + " s";
}

std::string size_text(double bytes) { return three_digits(bytes * 1e-6) + " MB"; }

std::vector<double> Row::ratios() const { return quotients(libtorch, newtape); }
std::vector<double> Row::reached() const { return quotients(limit, newtape); }
std::vector<double> Row::speedups() const { return quotients(one_thread, newtape); }

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += std::log(v);
  return std::exp(sum / static_cast<double>(values.size()));
}

std::string header_text(bool threads) {
  return fmt::format("{:<15} {:>8} {:>8} {:>6}  {:<12} {:<12} {:>6} {:<6} {:>8} {:>7}{}\n", "workload", "Newtape",
                     "LibTorch", "ratio", "quartiles", "min .. max", "target", "", "limit", "reached",
                     threads ? fmt::format(" {:>8}", "speed-up") : "");
}

std::string row_text(const Row& row, bool threads) {
  if (!row.trouble.empty()) return fmt::format("{:<15} {}\n", row.name, row.trouble);
  std::string text = fmt::format("{:<15} {:>8} {:>8} ", row.name, median_text(row.newtape), median_text(row.libtorch));
  if (const auto ratios = row.ratios(); !ratios.empty()) {
    const auto range = [&](double from, double to) {
      return fmt::format("{:.2f}..{:.2f}", quantile(ratios, from), quantile(ratios, to));
    };
    text += fmt::format("{:>6.2f}  {:<12} {:<12} {:>6} {:<6}", median(ratios), range(0.25, 0.75), range(0, 1),
                        fmt::format(">={:.1f}", row.target), median(ratios) >= row.target ? "met" : "missed");
  } else {
    text += fmt::format("{:>6}  {:<12} {:<12} {:>6} {:<6}", "-", "", "", "", "");
  }
  const auto reached = row.reached();
  text += fmt::format(" {:>8} {:>7}", median_text(row.limit),
                      reached.empty() ? "-" : fmt::format("{:.0f} %", 100 * median(reached)));
  if (threads) {
    const auto speedups = row.speedups();
    text += fmt::format(" {:>8}", speedups.empty() ? "-" : fmt::format("{:.2f}", median(speedups)));
  }
  return text + '\n';
}

std::string means_text(const std::vector<Row>& rows) {
  std::string text;
  const auto add = [&](const char* what, const std::vector<double>& values, double scale, const char* unit) {
    if (values.empty()) return;
    text += fmt::format("{}{} {:.2f}{} ({} rows)", text.empty() ? "Geometric means: " : ", ", what,
                        scale * geometric_mean(values), unit, values.size());
  };
  add("ratio", medians(rows, &Row::ratios), 1, "");
  add("reached of the limit", medians(rows, &Row::reached), 100, " %");
  add("speed-up", medians(rows, &Row::speedups), 1, "");
  return text.empty() ? text : '\n' + text + '\n';
}

nlohmann::json to_json(const Row& row) {
  nlohmann::json out{{"workload", row.name}, {"target", row.target}};
  if (!row.trouble.empty()) out["trouble"] = row.trouble;
  if (!row.no_limit.empty()) out["no_limit"] = row.no_limit;
  const auto add_times = [&](const char* name, const std::vector<double>& seconds) {
    if (!seconds.empty()) out[name] = {{"median", median(seconds)}, {"rounds", seconds}};
  };
  const auto add_quotients = [&](const char* name, const std::vector<double>& values) {
    if (values.empty()) return;
    out[name] = {{"median", median(values)}, {"quartiles", {quantile(values, 0.25), quantile(values, 0.75)}}};
  };
  add_times("newtape", row.newtape);
  add_times("libtorch", row.libtorch);
  add_times("limit", row.limit);
  add_times("one_thread", row.one_thread);
  add_quotients("ratio", row.ratios());
  add_quotients("reached", row.reached());
  add_quotients("speedup", row.speedups());
  return out;
}

nlohmann::json means_json(const std::vector<Row>& rows) {
  nlohmann::json out = nlohmann::json::object();
  const auto add = [&](const char* name, const std::vector<double>& values) {
    if (!values.empty()) out[name] = {{"geometric_mean", geometric_mean(values)}, {"rows", values.size()}};
  };
  add("ratio", medians(rows, &Row::ratios));
  add("reached", medians(rows, &Row::reached));
  add("speedup", medians(rows, &Row::speedups));
  return out;
}

}  // namespace bench
