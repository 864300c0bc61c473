// SPDX-License-Identifier: BSD-3-Clause
#include "sweep.hpp"

#include "rates.hpp"
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace bench {

namespace {

struct Point {
  bool f64 = false;
  int n = 0;
  std::vector<double> newtape, blas, onednn;  ///< GFLOP/s, a number for each round
  std::string trouble;

  /// Newtape's rate over that of the faster rival, round by round.
  std::vector<double> ratios() const {
    std::vector<double> out;
    for (std::size_t i = 0; i < newtape.size(); ++i) {
      const double rival = std::max(blas.empty() ? 0 : blas[i], onednn.empty() ? 0 : onednn[i]);
      if (rival > 0) out.push_back(newtape[i] / rival);
    }
    return out;
  }
  double best() const {
    double highest = 0;
    for (const auto* rates : {&newtape, &blas, &onednn}) {
      if (!rates->empty()) highest = std::max(highest, median(*rates));
    }
    return highest;
  }
};

Point measure(bool f64, int n, Child& newtape, const Machine& machine, const Options& options) {
  Point point{f64, n, {}, {}, {}, {}};
  const auto workload = rates::product_name(f64, n);
  const Clock clock{options.seconds / 3, options.processor_time};
  Child* const onednn = f64 ? nullptr : machine.onednn();
  try {
    for (Child* rival : {machine.blas(), onednn}) {
      if (rival == nullptr) continue;
      point.trouble = difference(look(*rival, workload), look(newtape, workload), f64 ? 1e-12 : 1e-5);
      if (!point.trouble.empty()) return point;
    }
    if (options.check) return point;
    Side ours(newtape, workload, clock);
    std::optional<Side> blas, dnnl;
    if (machine.blas() != nullptr) blas.emplace(*machine.blas(), workload, clock);
    if (onednn != nullptr) dnnl.emplace(*onednn, workload, clock);
    const double operations = 1e-9 * rates::product_operations(n);
    for (int i = 0; i < options.rounds; ++i) {
      point.newtape.push_back(operations / ours.round());
      if (blas) point.blas.push_back(operations / blas->round());
      if (dnnl) point.onednn.push_back(operations / dnnl->round());
    }
  } catch (const std::runtime_error& e) {
    point.trouble = e.what();
  }
  return point;
}

std::string rate_text(const std::vector<double>& rates) {
  return rates.empty() ? "-" : fmt::format("{:.1f}", median(rates));
}

std::string text(const Point& p, double highest) {
  if (!p.trouble.empty()) return fmt::format("{:>5}  {}\n", p.n, p.trouble);
  std::string line =
      fmt::format("{:>5} {:>9} {:>9} {:>9}", p.n, rate_text(p.newtape), rate_text(p.blas), rate_text(p.onednn));
  if (const auto ratios = p.ratios(); !ratios.empty()) {
    line += fmt::format(" {:>7.0f} %  {:<10}", 100 * median(ratios),
                        fmt::format("{:.0f}..{:.0f}", 100 * quantile(ratios, 0.25), 100 * quantile(ratios, 0.75)));
  }
  return line + fmt::format(" {:>7.0f} %\n", 100 * median(p.newtape) / highest);
}

nlohmann::json to_json(const Point& p) {
  nlohmann::json out{{"dtype", p.f64 ? "f64" : "f32"}, {"n", p.n}};
  if (!p.trouble.empty()) out["trouble"] = p.trouble;
  if (!p.newtape.empty()) out["newtape_gflops"] = p.newtape;
  if (!p.blas.empty()) out["blas_gflops"] = p.blas;
  if (!p.onednn.empty()) out["onednn_gflops"] = p.onednn;
  if (const auto ratios = p.ratios(); !ratios.empty()) out["of_best_at_n"] = median(ratios);
  return out;
}

/// Where the sizes stand that training meets most.
void print_summary(const std::vector<Point>& points) {
  std::vector<double> ratios;
  for (const auto& p : points) {
    if (p.n >= 64 && p.n <= 1024 && !p.ratios().empty()) ratios.push_back(median(p.ratios()));
  }
  if (ratios.empty()) return;
  const double least = *std::min_element(ratios.begin(), ratios.end());
  fmt::print(
      "n = 64 to 1024: geometric mean {:.0f} % of the best at the same size, least {:.0f} % (target 90 %: {})\n\n",
      100 * geometric_mean(ratios), 100 * least, least >= 0.9 ? "met" : "missed");
}

}  // namespace

bool sweep_matmul(Child& newtape, const Machine& machine, const Options& options, nlohmann::json& json) {
  bool sound = true;
  json = nlohmann::json::array();
  for (const bool f64 : {false, true}) {
    std::vector<Point> points;
    double highest = 0;
    for (const int n : rates::product_sizes) {
      if (n > options.largest) continue;
      points.push_back(measure(f64, n, newtape, machine, options));
      sound = sound && points.back().trouble.empty();
      highest = std::max(highest, points.back().best());
      json.push_back(to_json(points.back()));
    }
    const char* dtype = f64 ? "f64" : "f32";
    if (options.check) {
      for (const auto& p : points) fmt::print("{} {:>5}  {}\n", dtype, p.n, p.trouble.empty() ? "agree" : p.trouble);
      continue;
    }
    fmt::print("{:>5} {:>9} {:>9} {:>9} {:>9}  {:<10} {:>9}\n", dtype, "Newtape", "OpenBLAS", "oneDNN", "of best",
               "quartiles", "of all");
    for (const auto& p : points) fmt::print("{}", text(p, highest));
    print_summary(points);
    std::fflush(stdout);
  }
  return sound;
}

}  // namespace bench
