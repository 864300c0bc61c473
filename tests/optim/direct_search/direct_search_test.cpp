// SPDX-License-Identifier: BSD-3-Clause
// Methods without derivatives: on the published test functions, on functions that have no derivatives, and at limits.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/direct_search/direct_search.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::Status;

namespace {

optim::Result search(const optim::Method& m, const nt::UnaryFunction& f, const Tensor& x0,
                     optim::StoppingCriteria stop = {}) {
  optim::MinimizeOptions o;
  o.method = m;
  o.stop = std::move(stop);
  return optim::minimize(f, x0, o);
}

/// A function that a method may leave unsolved, and the reason.
struct Unsolved {
  const char* method;
  const char* function;
  const char* reason;
};
const char* const scales = "unknowns of 1e6 and 1e-6: the tolerance of the size is relative to the larger";
const char* const elsewhere = "ends in a local minimum";
const std::vector<Unsolved> unsolved = {
    {"Nelder-Mead", "brown_badly_scaled", scales},
    {"CMA-ES", "brown_badly_scaled", scales},
    {"CMA-ES", "osborne_2", elsewhere},
    {"CMA-ES", "trigonometric", elsewhere},
    {"CMA-ES", "broyden_banded", elsewhere},
};

}  // namespace

TEST_CASE("direct searches find the published minima") {
  for (const auto& m : optim::direct_search_methods()) {
    for (const auto& p : problems::functions()) {
      const auto r = search(m, p.f, p.x0());
      INFO(m.name << " on " << p.name << ": " << r.message << ", value " << r.value << ", " << r.iterations
                  << " iterations, " << r.counts.evaluations() << " evaluations");
      CHECK(std::isfinite(r.value));
      CHECK(r.value <= p.f(p.x0()).item());
      CHECK(r.value == p.f(r.x()).item());
      CHECK(std::isnan(r.gradient));
      CHECK(r.counts.gradients == 0);
      CHECK(r.converged());
      const auto excused = std::find_if(unsolved.begin(), unsolved.end(),
                                        [&](const Unsolved& u) { return m.name == u.method && p.name == u.function; });
      if (excused == unsolved.end()) {
        CHECK((p.solved(r.value) || p.other(r.value)));
      } else if (excused->reason == elsewhere) {
        INFO(excused->reason);
        const Tensor h = nt::hessian(p.f, r.x());
        CHECK(nt::min(nt::linalg::eigvalsh(h)).item() > -1e-6 * nt::max(nt::abs(h)).item());
        // The slope over a distance at which the size of the search ended.
        CHECK(nt::max(nt::abs(nt::grad(p.f)(r.x()))).item() < 1e-3 * std::max(1.0, nt::max(nt::abs(h)).item()));
      }
    }
  }
}

TEST_CASE("direct searches need no derivative") {
  for (const auto& m : optim::direct_search_methods()) {
    INFO(m.name);
    // Recording is off.
    const auto watched = [](const Tensor& x) {
      CHECK_FALSE(nt::grad_enabled());
      return nt::sum(nt::abs(x - doubles({1, -2}))) + nt::square(x[0] + x[1] + 1.0);
    };
    const auto corner = search(m, watched, doubles({3, 3}));
    CHECK(corner.converged());
    CHECK(entry(corner.x(), 0) == Approx(1).epsilon(1e-6));
    CHECK(entry(corner.x(), 1) == Approx(-2).epsilon(1e-6));
    // A function with steps, whose gradient is 0 wherever there is one: the minimum is a plateau around 0.
    const auto steps = [](const Tensor& x) { return nt::sum(nt::square(nt::round(4.0 * x))); };
    const auto plateau = search(m, steps, doubles({3.3, -2.2, 1.7}));
    CHECK(plateau.converged());
    // A simplex may come to rest on a plateau beside it.
    CHECK(plateau.value <= (m.name == "CMA-ES" ? 0 : 2));
    // NaN and a wall beside the start.
    const auto walls = [](const Tensor& x) {
      return nt::where(x[0] < 0.5, nt::log(x[0] - 0.5), nt::square(x[0] - 0.75) + nt::square(x[1]));
    };
    const auto beside = search(m, walls, doubles({0.55, 1}));
    CHECK(beside.converged());
    CHECK(beside.value < 1e-12);
  }
}

TEST_CASE("a rugged function: CMA-ES with restarts finds the global minimum, and Nelder-Mead a local one") {
  // Rastrigin's function, with 11^4 local minima in the cube: 0 at 0.
  constexpr double pi = 3.14159265358979323846;
  const auto f = [](const Tensor& x) { return nt::sum(nt::square(x) - 10.0 * nt::cos(2.0 * pi * x) + 10.0); };
  const Tensor x0 = doubles({3.2, -2.7, 4.1, 1.3});
  const auto cma = search(optim::cma_es({.sigma = 1, .restarts = 5}), f, x0);
  INFO(cma.message << ", value " << cma.value << ", " << cma.counts.evaluations() << " evaluations");
  CHECK(cma.value < 1e-10);
  const auto simplex = search(optim::nelder_mead(), f, x0);
  CHECK(simplex.converged());
  CHECK(simplex.value > 0.9);
  CHECK(simplex.value < f(x0).item());
}

TEST_CASE("CMA-ES does not depend on scales and rotations as Nelder-Mead does") {
  // An ellipsoid of condition number 1e6 in 10 unknowns, rotated.
  nt::Generator random(3);
  const nt::Array a = nt::random::normal({10, 10}, 0, 1, nt::f64, random);
  const Tensor q = nt::linalg::qr(Tensor(a)).q;
  const Tensor w = nt::pow(10.0, nt::arange(10).to(nt::f64) * (6.0 / 9.0));
  const auto f = [&](const Tensor& x) { return nt::sum(w * nt::square(nt::matmul(q, x - 1.0))); };
  const auto r = search(optim::cma_es({.seed = 7}), f, nt::full({10}, 3, nt::f64));
  INFO(r.message << ", value " << r.value << ", " << r.counts.evaluations() << " evaluations");
  CHECK(r.converged());
  CHECK(r.value < 1e-8);
  // Hansen 2016 reports some 500 n to 1000 n evaluations for such functions to 1e-10.
  CHECK(r.counts.evaluations() < 15000);
}

TEST_CASE("the seed decides the run of CMA-ES") {
  const auto& p = problems::function("beale");
  const auto first = search(optim::cma_es({.seed = 1}), p.f, p.x0());
  const auto again = search(optim::cma_es({.seed = 1}), p.f, p.x0());
  const auto other = search(optim::cma_es({.seed = 2}), p.f, p.x0());
  CHECK(entry(first.x(), 0) == entry(again.x(), 0));
  CHECK(first.counts.evaluations() == again.counts.evaluations());
  CHECK(entry(first.x(), 0) != entry(other.x(), 0));
  CHECK(p.solved(other.value));
}

TEST_CASE("direct searches stay within bounds") {
  const auto& p = problems::function("rosenbrock");
  for (const auto& m : optim::direct_search_methods()) {
    INFO(m.name);
    optim::MinimizeOptions o;
    o.method = m;
    o.lower = {doubles({-2, -2})};
    o.upper = {doubles({0.5, 2})};
    const auto watched = [&](const Tensor& x) {
      CHECK(entry(x, 0) <= 0.5);
      CHECK(entry(x, 0) >= -2);
      return p.f(x);
    };
    const auto r = optim::minimize(watched, p.x0(), o);
    CHECK(r.converged());
    CHECK(entry(r.x(), 0) == Approx(0.5).epsilon(1e-7));
    CHECK(r.value == Approx(0.25).epsilon(1e-7));
    // A start outside is moved to the bound.
    CHECK(optim::minimize(watched, doubles({5, 5}), o).value == Approx(0.25).epsilon(1e-7));
  }
}

TEST_CASE("direct searches keep their limits") {
  const auto& p = problems::function("wood");
  for (const auto& m : optim::direct_search_methods()) {
    INFO(m.name);
    CHECK(search(m, p.f, p.x0(), {.max_iterations = 3}).status == Status::max_iterations);
    const auto few = search(m, p.f, p.x0(), {.max_evaluations = 10});
    CHECK(few.status == Status::max_evaluations);
    CHECK(few.counts.evaluations() == 10);
    CHECK(search(m, p.f, p.x0(), {.max_seconds = 1e-9}).status == Status::max_seconds);
    // The minimum is 85822, to which a spread can be compared.
    const auto& high = problems::function("brown_dennis");
    CHECK(search(m, high.f, high.x0(), {.value_tolerance = 1e-3}).status == Status::value_tolerance);
    const auto loose = search(m, p.f, p.x0(), {.step_tolerance = 1e-2});
    CHECK(loose.status == Status::step_tolerance);
    CHECK(loose.trace.back().region <= 1e-2 * std::max(1.0, nt::max(nt::abs(loose.x())).item() * 2));
    const auto down = search(
        m, [](const Tensor& x) { return nt::sum(x); }, doubles({1, 2}));
    CHECK(down.status == Status::unbounded);
    int calls = 0;
    const auto stopped = search(
        m, p.f, p.x0(), {.callback = [&](const optim::Iteration&, const std::vector<Tensor>&) { return ++calls < 3; }});
    CHECK(stopped.status == Status::callback);
    CHECK(search(
              m, [](const Tensor& x) { return nt::sum(x) * std::nan(""); }, doubles({1}))
              .status == Status::not_finite);
    CHECK(search(
              m, [](const Tensor& x) { return nt::sum(x); }, nt::zeros({0}, nt::f64))
              .converged());
    // One unknown, f32, and a constant.
    const auto one = search(
        m, [](const Tensor& x) { return nt::sum(nt::square(x - 3.0)); }, nt::tensor(1, nt::f32));
    CHECK(one.converged());
    CHECK(one.x().dtype() == nt::f32);
    CHECK(one.x().item() == Approx(3).epsilon(1e-3));
    CHECK(search(
              m, [](const Tensor&) { return doubles({3})[0]; }, doubles({1, 2}))
              .value == 3);
  }
}

TEST_CASE("options of direct searches are checked, and optimizers refuse them") {
  CHECK_THROWS_AS(optim::nelder_mead({.size = 0}), nt::ValueError);
  CHECK_THROWS_AS(optim::cma_es({.sigma = -1}), nt::ValueError);
  CHECK_THROWS_AS(optim::cma_es({.population = 3}), nt::ValueError);
  CHECK_THROWS_AS(optim::cma_es({.restarts = -1}), nt::ValueError);
  CHECK_THROWS_WITH(optim::SecondOrder({nt::Parameter(doubles({1}))}, optim::cma_es()), contains("minimize"));
  CHECK_THROWS_AS(search(optim::cma_es(), problems::function("beale").f, doubles({1, 1}), {.step_tolerance = -1}),
                  nt::ValueError);
}

TEST_CASE("all methods without derivatives are tested above") {
  std::vector<std::string> names;
  for (const auto& m : optim::direct_search_methods()) names.push_back(m.name);
  CHECK(names == std::vector<std::string>{"Nelder-Mead", "CMA-ES"});
}
