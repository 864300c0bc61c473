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

std::vector<double> Row::ratios() const {
  std::vector<double> out;
  for (std::size_t i = 0; i < std::min(newtape.size(), libtorch.size()); ++i) out.push_back(libtorch[i] / newtape[i]);
  return out;
}

std::string header_text() {
  return fmt::format("{:<14} {:>10} {:>10} {:>8}  {:<12} {:<12} {:>7}\n", "workload", "Newtape", "LibTorch", "ratio",
                     "quartiles", "min .. max", "target");
}

std::string row_text(const Row& row) {
  if (!row.trouble.empty()) return fmt::format("{:<14} {}\n", row.name, row.trouble);
  std::string text =
      fmt::format("{:<14} {:>10} {:>10} ", row.name, median_text(row.newtape), median_text(row.libtorch));
  const auto ratios = row.ratios();
  if (ratios.empty()) return text + fmt::format("{:>8}\n", "-");
  const auto range = [&](double from, double to) {
    return fmt::format("{:.2f}..{:.2f}", quantile(ratios, from), quantile(ratios, to));
  };
  return text + fmt::format("{:>8.2f}  {:<12} {:<12} {:>7} {}\n", median(ratios), range(0.25, 0.75), range(0, 1),
                            fmt::format(">={:.1f}", row.target), median(ratios) >= row.target ? "met" : "missed");
}

nlohmann::json to_json(const Row& row) {
  nlohmann::json out{{"workload", row.name}, {"target", row.target}};
  if (!row.trouble.empty()) out["trouble"] = row.trouble;
  if (!row.newtape.empty()) out["newtape"] = {{"median", median(row.newtape)}, {"rounds", row.newtape}};
  if (!row.libtorch.empty()) out["libtorch"] = {{"median", median(row.libtorch)}, {"rounds", row.libtorch}};
  if (const auto ratios = row.ratios(); !ratios.empty()) {
    out["ratio"] = {{"median", median(ratios)}, {"quartiles", {quantile(ratios, 0.25), quantile(ratios, 0.75)}}};
  }
  return out;
}

}  // namespace bench
