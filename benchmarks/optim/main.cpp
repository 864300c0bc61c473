// SPDX-License-Identifier: BSD-3-Clause
// Second order at work: how reliable and how fast the minimisers are, among themselves and beside LibTorch's.
#include "sections.hpp"

#include <newtape/core/runtime/parallel.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>

namespace bench {

std::vector<newtape::optim::Method> chosen(std::vector<newtape::optim::Method> methods, const OptimOptions& options) {
  if (options.methods.empty()) return methods;
  std::vector<newtape::optim::Method> kept;
  std::copy_if(methods.begin(), methods.end(), std::back_inserter(kept), [&](const auto& m) {
    return std::any_of(options.methods.begin(), options.methods.end(),
                       [&](const auto& part) { return m.name.find(part) != std::string::npos; });
  });
  return kept;
}

namespace {

struct Section {
  const char* name;
  const char* what;
  bool (*run)(const OptimOptions&);
};

constexpr Section sections[] = {
    {"functions", "test functions by every general method, and performance profiles", functions},
    {"newton", "softmax regression by Newton's method on four tables", newton},
    {"nist", "NIST's certified regressions, beside Ceres", nist_problems},
    {"bundle", "bundle adjustments by least squares of blocks, beside Ceres", bundle_adjustments},
    {"solvers", "differential equations, linear and quadratic programs, beside SciPy", solvers},
    {"lbfgs", "L-BFGS beside LibTorch's on digits", lbfgs},
    {"network", "a tanh network of 441 parameters, by second order and by Adam", network},
    {"fashion", "K-FAC, Shampoo, SOAP and AdamW on mini-batches of Fashion-MNIST", fashion_mnist},
};

bool run(const std::vector<std::string>& names, const OptimOptions& options) {
  bool sound = true;
  for (const auto& s : sections) {
    if (!names.empty() && std::find(names.begin(), names.end(), s.name) == names.end()) continue;
    fmt::print("== {}: {}\n\n", s.name, s.what);
    sound = s.run(options) && sound;
    fmt::print("\n");
    std::fflush(stdout);
  }
  return sound;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::OptimOptions options;
  std::vector<std::string> names;
  bool list = false;
  CLI::App app("Newtape's minimisers, among themselves and beside others.");
  std::vector<std::string> known;
  for (const auto& s : bench::sections) known.emplace_back(s.name);
  app.add_option("sections", names, "only these; see --list")->check(CLI::IsMember(known));
  app.add_option("--method", options.methods, "only methods whose names contain one of these");
  app.add_option("--repeats", options.repeats, "runs of each function and method, default 3")
      ->check(CLI::Range(1, 100));
  app.add_option("--svg", options.svg, "draw the performance profile into this file");
  app.add_option("--adam-factor", options.adam_factor, "how many times as long Adam may run, default 10")
      ->check(CLI::Range(0.0, 1e4));
  app.add_option("--steps", options.steps, "of each optimizer on Fashion-MNIST, default 1200")
      ->check(CLI::Range(80, 1000000));
  app.add_option("--threads", options.threads, "threads of each library, default 1")->check(CLI::Range(1, 1024));
  app.add_flag("--list", list, "list the sections");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    for (const auto& s : bench::sections) fmt::print("{:<10} {}\n", s.name, s.what);
    return 0;
  }
  try {
    newtape::set_num_threads(options.threads);
    return bench::run(names, options) ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "newtape_optim_bench: {}\n", e.what());
    return 1;
  }
}
