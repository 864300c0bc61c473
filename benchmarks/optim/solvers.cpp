// SPDX-License-Identifier: BSD-3-Clause
#include "../child.hpp"
#include "sections.hpp"

#include <newtape/autograd/ode/odeint.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/solvers/quadratic_program.hpp>
#include <newtape/autograd/tape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <string>

namespace bench {

namespace {

namespace nt = newtape;
using nt::Tensor;

struct Problem {
  const char* name;
  const char* what;
  std::function<Tensor()> solve;  ///< a number of the solution
  double tolerance;               ///< by which SciPy's may differ, relative to it
};

Tensor end_of(const nt::OdeFunction& f, const Tensor& y0, double end, const nt::OdeOptions& options) {
  return nt::sum(nt::odeint(f, y0, nt::tensor({0.0, end}, nt::f64), options)[1]);
}

Tensor lorenz() {
  const auto f = [](const Tensor&, const Tensor& y) {
    const Tensor a = y[0], b = y[1], c = y[2];
    return nt::stack({10.0 * (b - a), a * (28.0 - c) - b, a * b - 8.0 / 3 * c});
  };
  return end_of(f, nt::ones({3}, nt::f64), 5, {.rtol = 1e-8, .atol = 1e-10});
}
Tensor heat() {
  const auto f = [](const Tensor&, const Tensor& y) { return 100.0 * (nt::roll(y, 1) - 2.0 * y + nt::roll(y, -1)); };
  return end_of(f, nt::exp(-nt::square(nt::arange(1000, nt::f64) / 100.0 - 5.0)), 1, {.rtol = 1e-8, .atol = 1e-10});
}
Tensor van_der_pol() {
  const auto f = [](const Tensor&, const Tensor& y) {
    const Tensor a = y[0], b = y[1];
    return nt::stack({b, 1000.0 * (1.0 - nt::square(a)) * b - a});
  };
  return end_of(f, nt::tensor({2.0, 0.0}, nt::f64), 1500,
                {.method = nt::OdeOptions::Method::rodas4, .rtol = 1e-6, .atol = 1e-9});
}

/// The least of q x with g x <= h in the box [-1, 1]^n.
Tensor program(const Tensor& p, std::int64_t copies) {
  constexpr std::int64_t n = 60, m = 120;
  const Tensor i = nt::reshape(nt::arange(m, nt::f64), {m, 1}), j = nt::arange(n, nt::f64);
  const Tensor g = nt::sin(1.0 + 3.0 * i + 7.0 * j + nt::remainder(i * j, 11.0));
  const Tensor h = 1.0 + 0.5 * nt::cos(nt::arange(m, nt::f64)), q = nt::cos(2.0 * j);
  const nt::LinearConstraints within{.g = nt::cat({g, nt::eye(n, nt::f64), -nt::eye(n, nt::f64)}),
                                     .h = nt::cat({h, nt::ones({2 * n}, nt::f64)})};
  if (!p.defined()) return nt::sum(q * nt::linear_program(q, within).x);
  const Tensor qs = nt::variable(q * nt::reshape(1.0 + 0.1 * nt::arange(copies, nt::f64), {copies, 1}));
  const Tensor value = nt::sum(nt::square(nt::quadratic_program(p, qs, within).x));
  value.backward();
  return nt::sum(qs.grad());
}

double seconds_of(const Problem& p, int repeats, double& value) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    value = p.solve().item();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Other {
  double seconds, value;
};

/// What SciPy needs, by problem; empty where there is none.
std::map<std::string, Other> by_scipy() {
  std::map<std::string, Other> all;
  try {
    std::istringstream lines(run({"python3", NEWTAPE_BENCH_SOLVERS_SCRIPT}, thread_settings(1)).output);
    std::string name;
    for (Other o{}; lines >> name >> o.seconds >> o.value;) all[name] = o;
  } catch (const std::exception&) {
    fmt::print("python3 with SciPy: not found\n");
  }
  return all;
}

}  // namespace

bool solvers(const OptimOptions& options) {
  const nt::GradMode values_only(false);
  const Problem problems[] = {
      {"lorenz", "3 equations to t = 5, rtol 1e-8, dopri5; SciPy's RK45", lorenz, 1e-5},
      {"heat", "1000 equations, rtol 1e-8, dopri5; SciPy's RK45", heat, 1e-7},
      {"van_der_pol", "stiff, mu = 1000, rtol 1e-6, rodas4; SciPy's Radau", van_der_pol, 1e-4},
      {"linear_program", "60 unknowns, 240 inequalities; SciPy's HiGHS", [] { return program({}, 1); }, 1e-8},
      {"quadratic_programs", "64 in a stack, with the gradient in q",
       [] {
         const nt::GradMode recorded(true);
         return program(nt::eye(60, nt::f64), 64);
       },
       0},
  };
  const auto others = by_scipy();
  bool sound = true;
  fmt::print("{:<20}{:>12}{:>12}{:>8}  {}\n", "problem", "Newtape", "SciPy", "ratio", "what");
  for (const auto& p : problems) {
    double value = 0;
    const double ours = seconds_of(p, options.repeats, value);
    const auto other = others.find(p.name);
    if (other == others.end()) {
      fmt::print("{:<20}{:>9.2f} ms{:>12}{:>8}  {}\n", p.name, ours * 1e3, "-", "-", p.what);
      continue;
    }
    const auto& [seconds, expected] = other->second;
    const bool same = std::abs(value - expected) <= p.tolerance * std::abs(expected);
    fmt::print("{:<20}{:>9.2f} ms{:>9.2f} ms{:>8.2f}  {}{}\n", p.name, ours * 1e3, seconds * 1e3, seconds / ours,
               p.what, same ? "" : fmt::format("; DIFFERS: {} for {}", value, expected));
    sound = sound && same;
  }
  return sound;
}

}  // namespace bench
