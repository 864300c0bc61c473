// SPDX-License-Identifier: BSD-3-Clause
#include "harm.hpp"

#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>

namespace {

namespace nt = newtape;

/// The error of a trained program on examples that were kept back; infinite if the run dies. Targets are those of `twin`;
/// where only test targets differ, its own.
double error_after(const zoo::Trial& trial, const zoo::Trial& twin, const zoo::Goal& goal, std::uint64_t seed) {
  nt::manual_seed(seed);
  try {
    const auto trainee = trial.make();
    trainee->model().train();
    nt::Generator g(seed);
    for (std::int64_t step = 0; step < trial.steps;) {
      const auto n = trial.data.train.size();
      const auto examples = trial.data.shuffle ? trial.data.train[nt::random::permutation(n, g)] : trial.data.train;
      for (std::int64_t i = 0; i < n && step < trial.steps; i += trial.data.batch, ++step) {
        const auto set = examples[{i, std::min(n, i + trial.data.batch)}];
        trainee->step({set.array(0), set.array(1), trial.data.loss});
      }
    }
    trainee->model().eval();
    const nt::NoGrad off;
    const nt::Tensor output = trainee->forward(trial.data.test.array(0));
    const nt::Array& wanted = twin.data.test.array(1);
    const nt::Array& own = trial.data.test.array(1);
    double e = goal.error(output, wanted);
    if (own.shape() == wanted.shape()) e = std::max(e, goal.error(output, own));
    return std::isnan(e) ? std::numeric_limits<double>::infinity() : e;
  } catch (const std::exception& e) {
    fmt::print("    {}\n", std::string(e.what()).substr(0, 100));
    return std::numeric_limits<double>::infinity();
  }
}

}  // namespace

bool print_harm(const std::vector<zoo::SecondProgram>& programs, const std::vector<zoo::Goal>& goals,
                std::uint64_t seeds) {
  bool all = true;
  for (const auto& program : programs) {
    const auto goal = *std::find_if(goals.begin(), goals.end(),
                                    [&](const zoo::Goal& g) { return std::string(g.model) == program.model; });
    const auto twin = *std::find_if(programs.begin(), programs.end(),
                                    [&](const auto& p) { return std::string(p.model) == program.model; });
    std::string errors;
    bool right = true;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const double error = error_after(program.trial(seed), twin.trial(seed), goal, seed);
      errors += fmt::format(" {:.3f}", error);
      right = right && (program.fault == nullptr ? error <= goal.goal : error > goal.goal);
    }
    all = all && right;
    fmt::print("{} {:<10} {:<48}{}, goal {}\n", right ? "  " : "!!", program.model,
               program.fault == nullptr ? "healthy" : program.fault, errors, goal.goal);
    std::fflush(stdout);
  }
  return all;
}
