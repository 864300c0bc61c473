// SPDX-License-Identifier: BSD-3-Clause
#include "../../tests/optim/least_squares/nist.hpp"

#include "../report.hpp"
#include "nist_fit.hpp"
#include "sections.hpp"

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace bench {

namespace {

namespace nt = newtape;
namespace optim = newtape::optim;

#ifdef NEWTAPE_BENCH_CERES
NistData plain(const nist::Problem& p, int start) {
  NistData data{.name = p.name, .y = nist::numbers(p.y), .x = {}, .start = p.starts[static_cast<std::size_t>(start)]};
  for (const auto& x : p.x) data.x.push_back(nist::numbers(x));
  return data;
}
#endif

NistFit fit_by_newtape(const nist::Problem& p, int start, double* deviations) {
  const auto r = optim::least_squares([&](const nt::Tensor& b) { return p.residuals(b); }, p.start(start));
  *deviations = nist::log_relative_error(nist::numbers(r.standard_deviations()[0]), p.deviations);
  return {
      .parameters = nist::numbers(r.x()), .iterations = r.iterations, .seconds = r.seconds, .converged = r.converged()};
}

/// The parameters as one row that all observations share, so that a Jacobian takes one sweep.
NistFit fit_by_blocks(const nist::Problem& p, int start, double*) {
  const nt::Tensor from = p.start(start);
  const nt::Parameter b(nt::reshape(from, {1, from.size()}));
  optim::LeastSquaresProblem problem;
  // The models index parameters along the first axis; x and y are not parts, since NIST's problems fit into one.
  problem.add([&](const nt::Tensor& rows) { return p.residuals(nt::transpose(rows, 0, 1)); },
              {{b, nt::zeros({p.y.shape(0)}, nt::i64)}});
  const auto r = optim::least_squares(problem);
  return {.parameters = nist::numbers(r.xs[0]),
          .iterations = r.iterations,
          .seconds = r.seconds,
          .converged = r.converged()};
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
  std::vector<Side> sides = {{"newtape", fit_by_newtape}, {"newtape, blocks", fit_by_blocks}};
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
        const double agree = nist::digits(p, fit.parameters);
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
  if (sides.size() == 2) fmt::print("(Ceres is not installed: libceres-dev)\n");
  return sides[0].solved == static_cast<int>(2 * nist::names.size());
}

}  // namespace bench
