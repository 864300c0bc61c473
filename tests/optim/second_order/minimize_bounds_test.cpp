// SPDX-License-Identifier: BSD-3-Clause
// Bounds on variables: problems from Hock and Schittkowski, "Test examples for nonlinear programming codes", 1981.
#include "optim/functions.hpp"

#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

struct Bounded {
  const char* name;
  nt::UnaryFunction f;
  std::vector<double> start, lower, upper;
  std::vector<double> minima;  ///< the published one first, then other local ones
};

Tensor starting_point(const std::vector<double>& values) {
  problems::TestFunction p;
  p.start = values;
  return p.x0();
}

std::vector<Bounded> bounded_problems() {
  const auto rosenbrock = problems::function("rosenbrock").f;
  const auto same = [](int n, double x) { return std::vector<double>(static_cast<std::size_t>(n), x); };
  // With x_2 held at its bound u: x_1^3 - (u - 1/200) x_1 - 1/200 = 0, of whose three roots this is the largest.
  const auto held = [](double u) {
    const double p = u - 1.0 / 200;
    const double x = 2 * std::sqrt(p / 3) * std::cos(std::acos(3 / (400 * p) * std::sqrt(3 / p)) / 3);
    return 100 * std::pow(u - x * x, 2) + std::pow(1 - x, 2);
  };
  return {
      {"HS1", rosenbrock, {-2, 1}, {-inf, -1.5}, {inf, inf}, {0}},
      {"HS2", rosenbrock, {-2, 1}, {-inf, 1.5}, {inf, inf}, {held(1.5), 4.941229318}},
      {"HS3",
       [](const Tensor& x) { return x[1] + 1e-5 * nt::square(x[1] - x[0]); },
       {10, 1},
       {-inf, 0},
       {inf, inf},
       {0}},
      {"HS4",
       [](const Tensor& x) { return nt::pow(x[0] + 1.0, 3.0) / 3.0 + x[1]; },
       {1.125, 0.125},
       {1, 0},
       {inf, inf},
       {8.0 / 3}},
      {"HS5",
       [](const Tensor& x) { return nt::sin(x[0] + x[1]) + nt::square(x[0] - x[1]) - 1.5 * x[0] + 2.5 * x[1] + 1.0; },
       {0, 0},
       {-1.5, -3},
       {4, 3},
       {-std::sqrt(3.0) / 2 - std::acos(-1.0) / 3}},
      {"HS38", problems::function("wood").f, {-3, -1, -3, -1}, same(4, -10), same(4, 10), {0}},
      {"HS45", [](const Tensor& x) { return 2.0 - nt::prod(x) / 120.0; }, same(5, 2), same(5, 0), {1, 2, 3, 4, 5}, {1}},
      {"HS110",
       [](const Tensor& x) {
         return nt::sum(nt::square(nt::log(x - 2.0)) + nt::square(nt::log(10.0 - x))) - nt::pow(nt::prod(x), 0.2);
       },
       same(10, 9),
       same(10, 2.001),
       same(10, 9.999),
       {-45.77846971}},
      // The unconstrained minimum lies outside; the solution is at a corner or on an edge.
      {"rosenbrock in a corner", rosenbrock, {-1.2, 1}, {-2, -2}, {0.5, 2}, {0.25}},
      {"rosenbrock on its valley's floor", rosenbrock, {-1.2, 1}, {-2, 0}, {2, 0.25}, {held(0.25)}},
  };
}

}  // namespace

TEST_CASE("bounds hold, and minima with them are the published ones") {
  for (const auto& p : bounded_problems()) {
    const Tensor lower = starting_point(p.lower);
    const Tensor upper = starting_point(p.upper);
    for (const auto& m : optim::general_methods()) {
      optim::MinimizeOptions options;
      options.method = m;
      options.lower = {lower};
      options.upper = {upper};
      bool inside = true;
      options.stop.callback = [&](const optim::Iteration&, const std::vector<Tensor>& xs) {
        inside = inside && nt::all((xs[0] >= lower) & (xs[0] <= upper)).item<bool>();
        return true;
      };
      const auto r = optim::minimize(p.f, starting_point(p.start), options);
      INFO(p.name << " by " << m.name << ": " << r.message << ", value " << r.value << ", gradient " << r.gradient
                  << ", " << r.counts.evaluations() << " evaluations");
      CHECK(inside);
      CHECK(r.converged());
      bool found = false;
      for (const double minimum : p.minima)
        found = found || std::abs(r.value - minimum) <= 1e-7 * std::max(1.0, std::abs(minimum));
      CHECK(found);
      CHECK(r.counts.evaluations() < 1000);
    }
  }
}

TEST_CASE("bounds broadcast, may be equal, and may be one-sided") {
  const auto f = [](const Tensor& x) { return nt::sum(nt::square(x - 3.0)); };
  for (const auto& m : optim::general_methods()) {
    INFO(m.name);
    optim::MinimizeOptions options;
    options.method = m;
    options.upper = {nt::tensor(1.0, nt::f64)};
    const auto above = optim::minimize(f, starting_point({0, -5, 9}), options);
    CHECK(above.converged());
    CHECK(above.gradient == 0);
    CHECK(nt::all(above.x() == 1.0).item<bool>());
    options.lower = options.upper;
    const auto held = optim::minimize(f, starting_point({0, -5, 9}), options);
    CHECK(held.converged());
    CHECK(held.iterations == 0);
    CHECK(nt::all(held.x() == 1.0).item<bool>());
  }
}

TEST_CASE("invalid bounds are rejected") {
  const auto f = [](const Tensor& x) { return nt::sum(nt::square(x)); };
  const auto with = [&](std::vector<Tensor> lower, std::vector<Tensor> upper) {
    optim::MinimizeOptions options;
    options.lower = std::move(lower);
    options.upper = std::move(upper);
    return optim::minimize(f, starting_point({1, 2}), options);
  };
  CHECK_THROWS_AS(with({starting_point({0, 3})}, {starting_point({1, 2})}), nt::ValueError);
  CHECK_THROWS_AS(with({starting_point({0, 0}), starting_point({0, 0})}, {}), nt::ValueError);
  CHECK_THROWS_AS(with({nt::tensor({0.0, 0})}, {}), nt::DTypeError);
  CHECK_THROWS_AS(with({starting_point({0, 0, 0})}, {}), nt::ShapeError);
}
