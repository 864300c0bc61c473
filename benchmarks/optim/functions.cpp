// SPDX-License-Identifier: BSD-3-Clause
#include "../../tests/optim/functions.hpp"

#include "profile.hpp"
#include "sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

namespace bench {

namespace {

namespace optim = newtape::optim;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Outcome {
  bool solved = false;
  bool other = false;
  optim::Result result;
  double seconds = infinity;
};

Outcome solve(const problems::TestFunction& p, const optim::Method& method, int repeats) {
  Outcome o;
  for (int i = 0; i < repeats; ++i) {
    optim::MinimizeOptions options;
    options.method = method;
    o.result = optim::minimize(p.f, p.x0(), options);
    o.seconds = std::min(o.seconds, o.result.seconds);
  }
  o.solved = p.solved(o.result.value);
  o.other = !o.solved && p.other(o.result.value);
  return o;
}

}  // namespace

bool functions(const OptimOptions& options) {
  const auto methods = chosen(optim::general_methods(), options);
  const auto& list = problems::functions();
  std::vector<std::string> names;
  std::vector<std::vector<double>> evaluations(methods.size());
  std::vector<std::vector<double>> seconds(methods.size());
  std::vector<std::string> failures;

  fmt::print(
      "Iterations/evaluations of the function from the published starts; *: another published minimum; !: neither\n\n");
  fmt::print("{:<24} {:>3}", "", "n");
  for (std::size_t m = 0; m < methods.size(); ++m) {
    names.push_back(methods[m].name);
    fmt::print(" {:>9}", fmt::format("[{}]", m + 1));
  }
  fmt::print("\n");
  std::vector<int> solved(methods.size());
  for (const auto& p : list) {
    fmt::print("{:<24} {:>3}", p.name, p.start.size());
    for (std::size_t m = 0; m < methods.size(); ++m) {
      const Outcome o = solve(p, methods[m], options.repeats);
      const auto evals = static_cast<double>(o.result.counts.evaluations());
      const bool fine = o.solved || o.other;
      solved[m] += fine ? 1 : 0;
      evaluations[m].push_back(fine ? evals : infinity);
      seconds[m].push_back(fine ? o.seconds : infinity);
      fmt::print(" {:>9}", fmt::format("{}/{:.0f}{}", o.result.iterations, evals,
                                       o.solved  ? ' '
                                       : o.other ? '*'
                                                 : '!'));
      std::fflush(stdout);
      if (!fine) {
        failures.push_back(fmt::format("{:<24} {:<24} value {:.6e}, |gradient| {:.1e}: {}", p.name, methods[m].name,
                                       o.result.value, o.result.gradient, o.result.message));
      }
    }
    fmt::print("\n");
  }
  fmt::print("{:<24}    ", "found a minimum");
  for (std::size_t m = 0; m < methods.size(); ++m) fmt::print(" {:>9}", fmt::format("{}/{} ", solved[m], list.size()));
  fmt::print("\n\n");
  for (std::size_t m = 0; m < methods.size(); ++m) fmt::print("[{}] {}\n", m + 1, names[m]);
  if (!failures.empty()) fmt::print("\nNo minimum that is published:\n");
  for (const auto& f : failures) fmt::print("  {}\n", f);

  const std::vector<double> taus{1, 1.5, 2, 3, 5, 10, 30, 100, infinity};
  const Profile by_evaluations(names, evaluations);
  const Profile by_time(names, seconds);
  fmt::print(
      "\nPerformance profile, by evaluations of the function and its gradient (Hessians and products not counted)\n{}",
      by_evaluations.table(taus));
  fmt::print("\nPerformance profile, by time\n{}", by_time.table(taus));
  if (!options.svg.empty())
    std::ofstream(options.svg) << by_time.svg("Share of problems solved within a factor of the best time");
  return true;
}

}  // namespace bench
