// SPDX-License-Identifier: BSD-3-Clause
#include "../../tests/optim/least_squares/reprojection.hpp"

#include "../report.hpp"
#include "bundle_fit.hpp"
#include "sections.hpp"

#include <newtape/data/formats/bal.hpp>
#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace bench {

namespace {

namespace nt = newtape;
namespace optim = newtape::optim;

constexpr double tolerance = 1e-6;  // of the relative change of the value: Ceres' default

template <class T>
std::vector<T> plain(const nt::Array& x) {
  return {x.data<T>(), x.data<T>() + x.size()};
}

BundleFit fit_by_newtape(const nt::data::BundleAdjustment& b, optim::BlockSolver solver) {
  const nt::Parameter cameras(b.cameras), points(b.points);
  optim::LeastSquaresProblem problem;
  problem.add(reprojection, {{cameras, b.camera_index}, {points, b.point_index}, nt::Tensor(b.pixels)});
  const auto r = optim::least_squares(problem, {.solver = solver, .stop = {.value_tolerance = tolerance}});
  return {.value = r.value, .iterations = r.iterations, .seconds = r.seconds, .converged = r.converged()};
}

struct Side {
  std::string name;
  std::function<BundleFit()> fit;
  BundleFit best = {};
};

/// Fits by turns, and keeps the quickest of each.
void run(std::vector<Side>& sides, int repeats) {
  for (int i = 0; i < repeats; ++i) {
    for (auto& side : sides) {
      const BundleFit fit = side.fit();
      if (i == 0 || fit.seconds < side.best.seconds) side.best = fit;
    }
  }
}

}  // namespace

bool bundle_adjustments(const OptimOptions& options) {
  struct Size {
    std::int64_t cameras, points;
    const char* solver;
  };
  bool sound = true;
  fmt::print("{:>7} {:>7}  {:<24} {:>16} {:>10} {:>9}\n", "cameras", "points", "solver", "value", "iterations", "time");
  for (const Size& size : {Size{5, 50, "dense_schur"}, Size{10, 200, "dense_schur"}, Size{100, 10000, "dense_schur"},
                           Size{100, 10000, "sparse_schur"}, Size{100, 10000, "iterative_schur"}}) {
    const auto b = nt::data::bundle_adjustment_like({.cameras = size.cameras, .points = size.points});
    const auto solver = size.solver == std::string("dense_schur")    ? optim::BlockSolver::dense_schur
                        : size.solver == std::string("sparse_schur") ? optim::BlockSolver::sparse_schur
                                                                     : optim::BlockSolver::iterative_schur;
    std::vector<Side> sides = {
        {fmt::format("newtape, {}", size.solver), [&] { return fit_by_newtape(b, solver); }},
        {"newtape, automatic", [&] { return fit_by_newtape(b, optim::BlockSolver::automatic); }}};
#ifdef NEWTAPE_BENCH_CERES
    const BundleData data{plain<double>(b.cameras), plain<double>(b.points), plain<double>(b.pixels),
                          plain<std::int64_t>(b.camera_index), plain<std::int64_t>(b.point_index)};
    sides.push_back(
        {fmt::format("ceres, {}", size.solver), [&] { return fit_by_ceres(data, size.solver, tolerance); }});
#endif
    run(sides, options.repeats);
    double lowest = sides[0].best.value;
    for (const auto& s : sides) lowest = std::min(lowest, s.best.value);
    for (const auto& s : sides) {
      fmt::print("{:>7} {:>7}  {:<24} {:>16.10g} {:>10} {:>9}\n", size.cameras, size.points, s.name, s.best.value,
                 s.best.iterations, time_text(s.best.seconds));
      const bool ours = s.name.starts_with("newtape");
      sound = sound && (!ours || (s.best.converged && s.best.value <= lowest * (1 + 1e-4)));
    }
  }
  return sound;
}

}  // namespace bench
