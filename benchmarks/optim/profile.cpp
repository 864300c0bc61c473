// SPDX-License-Identifier: BSD-3-Clause
#include "profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bench {

Profile::Profile(std::vector<std::string> solvers, const std::vector<std::vector<double>>& costs)
    : solvers_(std::move(solvers)), ratios_(costs.size()) {
  const std::size_t problems = costs.empty() ? 0 : costs[0].size();
  for (std::size_t p = 0; p < problems; ++p) {
    double best = std::numeric_limits<double>::infinity();
    for (const auto& c : costs) best = std::min(best, c[p]);
    for (std::size_t s = 0; s < costs.size(); ++s) {
      ratios_[s].push_back(std::isfinite(best) ? costs[s][p] / best : std::numeric_limits<double>::infinity());
    }
  }
  for (auto& r : ratios_) std::sort(r.begin(), r.end());
}

double Profile::share(std::size_t solver, double tau) const {
  const auto& r = ratios_[solver];
  if (r.empty()) return 0;
  // A little more than tau: a ratio is a quotient of rounded numbers.
  const auto within = std::upper_bound(r.begin(), r.end(), tau * (1 + 1e-12)) - r.begin();
  return static_cast<double>(within) / static_cast<double>(r.size());
}

std::string Profile::table(const std::vector<double>& taus) const {
  std::string text = fmt::format("{:<24}", "within a factor of");
  for (const double tau : taus) text += fmt::format("{:>7}", std::isfinite(tau) ? fmt::format("{:g}", tau) : "any");
  text += '\n';
  for (std::size_t s = 0; s < solvers_.size(); ++s) {
    text += fmt::format("{:<24}", solvers_[s]);
    for (const double tau : taus) {
      text += fmt::format("{:>6.0f}%", 100 * share(s, std::min(tau, 1e300)));
    }
    text += '\n';
  }
  return text;
}

std::string Profile::svg(const std::string& title) const {
  constexpr double width = 640, height = 400, left = 50, top = 30, most = 7;  // tau up to 2^7
  static const char* const colours[] = {"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b",
                                        "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#000000"};
  const auto x = [&](double tau) { return left + width * std::log2(tau) / most; };
  const auto y = [&](double part) { return top + height * (1 - part); };
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{:.0f}\" "
      "y=\"20\">{}</text>\n",
      left + width + 190, top + height + 40, left, title);
  for (int k = 0; k <= static_cast<int>(most); ++k) {
    text += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", x(std::exp2(k)),
                        top + height + 18, 1 << k);
  }
  for (int k = 0; k <= 5; ++k) {
    const double part = k / 5.0;
    text += fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.0f} %</text>\n<path stroke=\"#ddd\" d=\"M{:.0f} "
        "{:.1f}h{:.0f}\"/>\n",
        left - 6, y(part) + 4, 100 * part, left, y(part), width);
  }
  for (std::size_t s = 0; s < solvers_.size(); ++s) {
    const char* const colour = colours[s % std::size(colours)];
    std::string path = fmt::format("M{:.1f} {:.1f}", x(1), y(share(s, 1)));
    for (const double tau : ratios_[s]) {
      if (tau <= 1 || tau > std::exp2(most)) continue;
      path += fmt::format("H{:.1f}V{:.1f}", x(tau), y(share(s, tau)));
    }
    const double row = top + 16 * static_cast<double>(s);
    text += fmt::format(
        "<path fill=\"none\" stroke-width=\"2\" stroke=\"{0}\" d=\"{1}H{2:.1f}\"/>\n"
        "<path stroke-width=\"3\" stroke=\"{0}\" d=\"M{3:.0f} {4:.0f}h20\"/>\n<text x=\"{5:.0f}\" "
        "y=\"{6:.0f}\">{7}</text>\n",
        colour, path, left + width, left + width + 15, row, left + width + 40, row + 4, solvers_[s]);
  }
  return text + "</svg>\n";
}

}  // namespace bench
