// SPDX-License-Identifier: BSD-3-Clause
// Roots of published systems, derivatives of roots, and what is said where there is none.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/optim/root/root.hpp>

#include <cmath>
#include <span>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::Status;

namespace {

double largest_entry(const Tensor& x) { return nt::max(nt::abs(x)).item(); }

/// x_i (3 - 2 x_i) + 1 - x_(i-1) - 2 x_(i+1) (Broyden 1965).
Tensor broyden(const Tensor& x) {
  const Tensor zero = nt::zeros({1}, x.dtype());
  const auto n = x.size();
  const Tensor before = nt::concatenate({zero, nt::slice(x, 0, 0, n - 1)}, 0);
  const Tensor after = nt::concatenate({nt::slice(x, 0, 1, n), zero}, 0);
  return x * (3.0 - 2.0 * x) + 1.0 - before - 2.0 * after;
}

}  // namespace

TEST_CASE("root solves the square systems of More, Garbow and Hillstrom") {
  int systems = 0;
  for (const auto& p : problems::functions()) {
    if (!p.residuals || p.minimum != 0 || p.residuals(p.x0()).size() != p.x0().size()) continue;
    ++systems;
    const auto r = optim::root(p.residuals, p.x0());
    INFO(p.name << ": " << optim::to_string(r));
    // Local minima of |f| are published for some.
    if (!r.converged()) {
      CHECK(r.status == Status::no_progress);
      CHECK(p.other(r.value * r.value));
      continue;
    }
    CHECK(largest_entry(p.residuals(r.x())) <= 1e-10);
    CHECK(r.gradient == Approx(largest_entry(p.residuals(r.x()))).margin(1e-300));
    CHECK(r.iterations <= 100);
  }
  CHECK(systems >= 12);
}

TEST_CASE("root converges quadratically, and to all digits") {
  const auto r = optim::root([](const Tensor& x) { return x * x * x - 2.0; }, doubles({1.5}));
  CHECK(entry(r.x(), 0) == Approx(std::cbrt(2.0)).epsilon(4e-16));
  CHECK(r.iterations <= 6);
  const auto narrow = optim::root([](const Tensor& x) { return nt::cos(x) - x; }, nt::tensor({1}, nt::f32));
  CHECK(narrow.converged());
  CHECK(narrow.x().dtype() == nt::f32);
  CHECK(narrow.x().item() == Approx(0.7390851332).epsilon(2e-7));
}

TEST_CASE("root by products with the Jacobian, for many unknowns") {
  const Tensor x0 = nt::full({400}, -1, nt::f64);
  const auto large = optim::root(broyden, x0);
  INFO(optim::to_string(large));
  CHECK(large.converged());
  CHECK(largest_entry(broyden(large.x())) <= 1e-10);
  CHECK(large.counts.products > 0);
  const auto dense = optim::root(broyden, x0, {.linear = {.method = nt::LinearSolveOptions::Method::dense}});
  CHECK(dense.converged());
  CHECK(dense.counts.products == 0);
  CHECK(largest_entry(dense.x() - large.x()) < 1e-9);
}

TEST_CASE("a root as a function of parameters is differentiated to order three") {
  // Coupled: x + 0.2 x sum(x^2) = theta.
  const nt::UnaryEquation f = [](const Tensor& x, const Tensor& theta) { return x + 0.2 * x * nt::sum(x * x) - theta; };
  const nt::UnaryFunction solved = [&](const Tensor& theta) { return optim::root(f, nt::zeros_like(theta), theta); };
  const auto checked = nt::gradcheck(solved, doubles({0.5, -1, 2}), {.order = 3});
  INFO(checked.message);
  CHECK(checked.ok);
  // x^3 = theta at 8: dx/dtheta = 1 / (3 x^2), d2x/dtheta2 = -2 / (9 x^5).
  const nt::UnaryFunction cube_root = [](const Tensor& t) {
    return optim::root([](const Tensor& x, const Tensor& theta) { return x * x * x - theta; }, nt::ones_like(t), t);
  };
  const Tensor at = nt::tensor(8, nt::f64);
  CHECK(cube_root(at).item() == Approx(2).epsilon(1e-15));
  CHECK(nt::grad(cube_root)(at).item() == Approx(1.0 / 12).epsilon(1e-13));
  CHECK(nt::grad(nt::grad(cube_root))(at).item() == Approx(-2.0 / 288).epsilon(1e-12));
  // Several tensors: a + b = s, a b = p.
  const nt::Equation two = [](std::span<const Tensor> x, std::span<const Tensor> t) {
    return std::vector<Tensor>{x[0] + x[1] - t[0], x[0] * x[1] - t[1]};
  };
  const std::vector<Tensor> x0{nt::tensor(1, nt::f64), nt::tensor(4, nt::f64)};
  const std::vector<Tensor> theta{nt::variable(nt::tensor(5, nt::f64)), nt::variable(nt::tensor(6, nt::f64))};
  const auto found = optim::root(two, x0, theta);
  CHECK(found[0].item() == Approx(2).epsilon(1e-14));
  // da/dp = 1 / (b - a), da/ds = -a / (b - a).
  found[0].backward();
  CHECK(theta[0].grad().item() == Approx(-2).epsilon(1e-12));
  CHECK(theta[1].grad().item() == Approx(1).epsilon(1e-12));
}

TEST_CASE("root says where there is no root") {
  const auto none = [](const Tensor& x) { return x * x + 1.0; };
  const auto r = optim::root(none, doubles({3}));
  INFO(optim::to_string(r));
  CHECK(r.status == Status::no_progress);
  CHECK_THAT(r.message, contains("local minimum"));
  CHECK(r.value == Approx(1).epsilon(1e-4));
  CHECK_THROWS_AS(optim::root([](const Tensor& x, const Tensor& t) { return x * x + t; }, doubles({3}), doubles({1})),
                  nt::NumericalError);
  CHECK(optim::root([](const Tensor& x) { return nt::log(x); }, doubles({-1})).status == Status::not_finite);
  // A double root, where the Jacobian is singular: linear convergence to half of the digits.
  const auto twice = optim::root([](const Tensor& x) { return nt::square(x - 1.0); }, doubles({3}));
  CHECK(twice.converged());
  CHECK(entry(twice.x(), 0) == Approx(1).epsilon(2e-5));
  // A singular Jacobian at the start.
  const auto away = optim::root(
      [](const Tensor& x) {
        return nt::stack({x[0] * x[0] - 1.0 + 0.0 * x[1], x[1] + x[0]}, 0);
      },
      doubles({0, 1}));
  INFO(optim::to_string(away));
  CHECK((away.converged() || away.status == Status::no_progress));
}

TEST_CASE("root keeps limits and checks its input") {
  const auto& p = problems::function("broyden_banded");
  CHECK(optim::root(p.residuals, p.x0(), {.stop = {.max_iterations = 1}}).status == Status::max_iterations);
  CHECK(optim::root(p.residuals, p.x0(), {.stop = {.max_evaluations = 3}}).status == Status::max_evaluations);
  CHECK(optim::root(p.residuals, p.x0(), {.stop = {.max_seconds = 1e-9}}).status == Status::max_seconds);
  int calls = 0;
  const auto stopped =
      optim::root(p.residuals, p.x0(), {.stop = {.callback = [&](const auto&, const auto&) { return ++calls < 2; }}});
  CHECK(stopped.status == Status::callback);
  CHECK_THROWS_AS(optim::root([](const Tensor& x) { return nt::sum(x); }, doubles({1, 2})), nt::ShapeError);
  CHECK_THROWS_AS(optim::root([](const Tensor& x) { return x; }, nt::arange(2)), nt::DTypeError);
  CHECK_THROWS_AS(optim::root([](const Tensor& x) { return x; }, nt::zeros({0}, nt::f64)), nt::ValueError);
}
