// SPDX-License-Identifier: BSD-3-Clause
#include "../../tests/optim/nist.hpp"

#include "../report.hpp"
#include "nist_fit.hpp"
#include "sections.hpp"

#include <newtape/core/elementwise.hpp>
#include <newtape/optim/least_squares.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

namespace bench {

namespace {

namespace nt = newtape;
namespace optim = newtape::optim;

std::vector<double> numbers(const nt::Tensor& x) {
  const auto dense = nt::core::contiguous(x.value());
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}

NistData plain(const nist::Problem& p, int start) {
  NistData data{.name = p.name, .y = numbers(p.y), .x = {}, .start = p.starts[static_cast<std::size_t>(start)]};
  for (const auto& x : p.x) data.x.push_back(numbers(x));
  return data;
}

NistFit fit_by_newtape(const nist::Problem& p, int start, double* deviations) {
  const auto r = optim::least_squares([&](const nt::Tensor& b) { return p.residuals(b); }, p.start(start));
  *deviations = 11;
  const auto s = numbers(r.standard_deviations()[0]);
  for (std::size_t i = 0; i < s.size(); ++i) {
    *deviations = std::min(*deviations, nist::log_relative_error(s[i], p.deviations[i]));
  }
  return {.parameters = numbers(r.x()), .iterations = r.iterations, .seconds = r.seconds, .converged = r.converged()};
}

/// The fewest digits of a parameter. A width enters some models squared, or together with the height's sign.
double digits(const nist::Problem& p, const NistFit& fit) {
  const bool free_sign = p.name.substr(0, 5) == "Gauss" || p.name == "Eckerle4";
  double fewest = 11;
  for (std::size_t i = 0; i < p.parameters.size(); ++i) {
    const double b = free_sign ? std::abs(fit.parameters[i]) : fit.parameters[i];
    fewest = std::min(fewest, nist::log_relative_error(b, p.parameters[i]));
  }
  return fewest;
}

struct Side {
  const char* name;
  std::function<NistFit(const nist::Problem&, int start, double* deviations)> fit;
  int solved = 0;  ///< six digits or more
  std::int64_t iterations = 0;
  double seconds = 0;
};

}  // namespace

bool nist_problems(const OptimOptions& options) {
  std::vector<Side> sides = {{"newtape", fit_by_newtape}};
#ifdef NEWTAPE_BENCH_CERES
  for (const bool tight : {true, false}) {
    sides.push_back({tight ? "ceres, tight" : "ceres", [tight](const nist::Problem& p, int start, double*) {
                       return fit_by_ceres(plain(p, start), tight);
                     }});
  }
#endif
  fmt::print(
      "digits that agree with NIST's certified parameters (of newtape's standard deviations behind), iterations, "
      "time\n\n{:<10} {:<8} {:>5}",
      "problem", "level", "start");
  for (const auto& s : sides) fmt::print("  {:>26}", s.name);
  fmt::print("\n");
  for (const auto& name : nist::names) {
    const auto p = nist::read(NEWTAPE_NIST_FILES, name);
    for (const int start : {0, 1}) {
      fmt::print("{:<10} {:<8} {:>5}", name, p.difficulty, start + 1);
      for (auto& side : sides) {
        double deviations = -1;
        NistFit fit = side.fit(p, start, &deviations);
        for (int i = 1; i < options.repeats; ++i) {
          fit.seconds = std::min(fit.seconds, side.fit(p, start, &deviations).seconds);
        }
        const double agree = digits(p, fit);
        side.solved += agree >= 6 ? 1 : 0;
        side.iterations += fit.iterations;
        side.seconds += fit.seconds;
        fmt::print("  {:>5.1f}{} {:>5} {:>9}", agree, deviations < 0 ? "     " : fmt::format(" {:>4.1f}", deviations),
                   fit.iterations, time_text(fit.seconds));
      }
      fmt::print("\n");
    }
  }
  fmt::print("\n");
  for (const auto& s : sides) {
    fmt::print("{:<14} {} of {} with six digits or more, {} iterations, {}\n", s.name, s.solved, 2 * nist::names.size(),
               s.iterations, time_text(s.seconds));
  }
  if (sides.size() == 1) fmt::print("(Ceres is not installed: libceres-dev)\n");
  return sides[0].solved == static_cast<int>(2 * nist::names.size());
}

}  // namespace bench
