// SPDX-License-Identifier: BSD-3-Clause
// Boundary value problems against closed forms, and against SciPy's solve_bvp: files/autograd/make_bvp.py.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ode/block_system.hpp>
#include <newtape/autograd/ode/solve_bvp.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <numbers>

namespace newtape {
namespace {

Tensor evenly(double a, double b, std::int64_t m) { return a + (b - a) / static_cast<double>(m - 1) * arange(m, f64); }
double at(const Tensor& x, std::int64_t i) { return x.value().data<double>()[i]; }

BvpSolution bratu(double start, const Tensor& lambda, const SolveBvpOptions& options = {}) {
  const BvpFunction f = [lambda](const Tensor&, const Tensor& y, const Tensor&) {
    return stack({y[1], -lambda * exp(y[0])}, 0);
  };
  const BoundaryConditions bc = [](const Tensor& a, const Tensor& b, const Tensor&) { return stack({a[0], b[0]}, 0); };
  return solve_bvp(f, bc, evenly(0, 1, 5), stack({full({5}, start, f64), zeros({5}, f64)}, 0), {}, options);
}

BvpSolution eigenvalue(double tol) {
  const BvpFunction f = [](const Tensor&, const Tensor& y, const Tensor& p) {
    return stack({y[1], -(p[0] * p[0]) * y[0]}, 0);
  };
  const BoundaryConditions bc = [](const Tensor& a, const Tensor& b, const Tensor& p) {
    return stack({a[0], b[0], a[1] - p[0]}, 0);
  };
  const Tensor guess = tensor({{0, 1, 0, -1, 0}, {0, 1, 0, -1, 0}}, f64);
  return solve_bvp(f, bc, evenly(0, 1, 5), guess, tensor({6}, f64), {.tol = tol});
}

BvpSolution layer(double tol) {
  const BvpFunction f = [](const Tensor&, const Tensor& y, const Tensor&) { return stack({y[1], -y[1] / 0.02}, 0); };
  const BoundaryConditions bc = [](const Tensor& a, const Tensor& b, const Tensor&) {
    return stack({a[0], b[0] - 1.0}, 0);
  };
  return solve_bvp(f, bc, evenly(0, 1, 6), zeros({2, 6}, f64), {}, {.tol = tol});
}

BvpSolution blasius() {
  const BvpFunction f = [](const Tensor&, const Tensor& y, const Tensor&) {
    return stack({y[1], y[2], -0.5 * y[0] * y[2]}, 0);
  };
  const BoundaryConditions bc = [](const Tensor& a, const Tensor& b, const Tensor&) {
    return stack({a[0], a[1], b[1] - 1.0}, 0);
  };
  const Tensor guess = stack({zeros({9}, f64), ones({9}, f64), zeros({9}, f64)}, 0);
  return solve_bvp(f, bc, evenly(0, 8, 9), guess, {}, {.tol = 1e-6});
}

/// y'' = -a^2 y with y(0) = 0, y(1) = c: y = c sin(a x) / sin(a).
BvpSolution sine(const Tensor& a, const Tensor& c) {
  const BvpFunction f = [a](const Tensor&, const Tensor& y, const Tensor&) {
    return stack({y[1], -(a * a) * y[0]}, 0);
  };
  const BoundaryConditions bc = [c](const Tensor& ya, const Tensor& yb, const Tensor&) {
    return stack({ya[0], yb[0] - c}, 0);
  };
  return solve_bvp(f, bc, evenly(0, 1, 9), zeros({2, 9}, f64), {}, {.tol = 1e-7});
}

}  // namespace

TEST_CASE("solve_bvp: block systems have the solutions of dense ones") {
  Generator generator(21);
  for (const std::int64_t m : {1, 2, 3, 5, 8, 13}) {
    for (const std::int64_t n : {1, 3}) {
      for (const std::int64_t k : {0, 2}) {
        INFO("m " << m << ", n " << n << ", k " << k);
        const auto draw = [&](const Shape& shape) { return Tensor(random::normal(shape, 0, 1, f64, generator)); };
        const detail::BlockRows rows{draw({m, n, n}),  draw({m, n, n}),  draw({m, n, k}),
                                     draw({n + k, n}), draw({n + k, n}), draw({n + k, k})};
        const std::int64_t size = (m + 1) * n + k;
        std::vector<Tensor> columns;
        for (std::int64_t j = 0; j < size; ++j) columns.push_back(rows.times(select(eye(size, f64), 0, j)));
        const Tensor dense = stack(columns, 1);
        const Tensor z = draw({size});
        const detail::BlockSystem system(rows);
        // Random systems of this size have conditions of some thousands.
        CHECK(distance(matmul(dense, system.solve(z)).value(), z.value()) <= 1e-11);
        CHECK(distance(matmul(transpose(dense), system.solve_transposed(z)).value(), z.value()) <= 1e-11);
      }
    }
  }
}

TEST_CASE("solve_bvp has SciPy's meshes and solutions") {
  const Reference scipy("autograd/bvp.txt");
  const auto check = [&](const std::string& name, const BvpSolution& s, double tol) {
    INFO(name);
    REQUIRE(s.x.size() == scipy(name + "/x").size());
    CHECK(distance(s.x.value(), scipy(name + "/x")) <= 4 * epsilon(f64));
    // SciPy stops Newton's method where the residual is a twentieth of the tolerance; these solutions are converged.
    CHECK(distance(s.y.value(), scipy(name + "/y")) <= tol);
    CHECK(distance(s.p.value(), scipy(name + "/p")) <= tol);
    CHECK(max(s.rms_residuals).item() <= 1.1 * tol);
  };
  check("bratu_low", bratu(0, tensor(1.0, f64)), 1e-3);
  check("bratu_high", bratu(3, tensor(1.0, f64)), 1e-3);
  check("eigenvalue", eigenvalue(1e-3), 1e-3);
  check("eigenvalue_fine", eigenvalue(1e-6), 1e-6);
  check("layer", layer(1e-3), 1e-3);
  check("layer_fine", layer(1e-6), 1e-6);
  check("blasius", blasius(), 1e-6);
}

TEST_CASE("solve_bvp: closed forms") {
  const BvpSolution e = eigenvalue(1e-8 * 100);
  CHECK(at(e.p, 0) == Approx(2 * std::numbers::pi).epsilon(1e-6));
  const Tensor points = evenly(0, 1, 101);
  CHECK(max(abs(e(points)[0] - sin(2 * std::numbers::pi * points))).item() < 1e-5);
  const BvpSolution l = layer(1e-6);
  CHECK(max(abs(l(points)[0] - (1.0 - exp(-points / 0.02)) / (1 - std::exp(-50.0)))).item() < 1e-5);
  // Blasius: the wall's shear 0.332057336215 (Boyd 1999) for the half line; on [0, 8] the difference is below 1e-5.
  CHECK(blasius().y[2][0].item() == Approx(0.332057336215).margin(1e-5));
  // Bratu, lambda = 1: y(1/2) = 2 ln cosh(t), t = theta / 4 with theta = sqrt(2) cosh(t).
  for (const double start : {0.0, 3.0}) {
    double t = start == 0 ? 0.4 : 2.7;
    for (int i = 0; i < 50; ++i) {
      t -= (4 * t - std::sqrt(2.0) * std::cosh(t)) / (4 - std::sqrt(2.0) * std::sinh(t));
    }
    const BvpSolution b = bratu(start, tensor(1.0, f64), {.tol = 1e-7});
    CHECK(at(b(tensor({0.5}, f64)), 0) == Approx(2 * std::log(std::cosh(t))).epsilon(1e-6));
  }
}

TEST_CASE("solve_bvp: the discrete equations hold to rounding") {
  const BvpSolution s = sine(tensor(2.0, f64), tensor(1.0, f64));
  const Tensor h = slice(s.x, 0, 1, s.x.size()) - slice(s.x, 0, 0, s.x.size() - 1);
  const Tensor y0 = slice(s.y, 1, 0, s.x.size() - 1), y1 = slice(s.y, 1, 1, s.x.size());
  const Tensor f0 = slice(s.yp, 1, 0, s.x.size() - 1), f1 = slice(s.yp, 1, 1, s.x.size());
  const Tensor middle = 0.5 * (y0 + y1) - 0.125 * h * (f1 - f0);
  const Tensor f = stack({middle[1], -4.0 * middle[0]}, 0);
  CHECK(max(abs(y1 - y0 - h / 6.0 * (f0 + f1 + 4.0 * f))).item() <= 64 * epsilon(f64));
}

TEST_CASE("solve_bvp: derivatives of solutions in what f and the conditions capture") {
  const Tensor half = tensor({0.5}, f64);
  const Tensor a = variable(tensor(2.0, f64));
  const Tensor c = variable(tensor(1.5, f64));
  // y(1/2) = c / (2 cos(a / 2)).
  const Tensor y = sum(sine(a, c)(half)[0]);
  CHECK(y.item() == Approx(1.5 / (2 * std::cos(1.0))).epsilon(1e-7));
  const auto g = grad(y, {a, c}, {.create_graph = true});
  CHECK(g[0].item() == Approx(1.5 * std::sin(1.0) / (4 * std::cos(1.0) * std::cos(1.0))).epsilon(1e-6));
  CHECK(g[1].item() == Approx(1 / (2 * std::cos(1.0))).epsilon(1e-7));
  const auto second = grad(g[0], {a, c});
  const double cosine = std::cos(1.0), sine_of = std::sin(1.0);
  CHECK(second[0].item() ==
        Approx(1.5 / 8 * (1 / cosine + 2 * sine_of * sine_of / (cosine * cosine * cosine))).epsilon(1e-6));
  CHECK(second[1].item() == Approx(sine_of / (4 * cosine * cosine)).epsilon(1e-6));

  // The derivatives are those of the discrete solution: on a fixed mesh differences agree to their own accuracy.
  const auto result = gradcheck(
      [&](const Tensor& lambda) {
        const BvpSolution s = bratu(0, lambda, {.tol = 1e-2});
        return concatenate({s.y[0], s.yp[1]});
      },
      tensor(1.0, f64), {.order = 3});
  INFO(result.message);
  CHECK(result);

  // A free end: the eigenvalue of y'' + k^2 (1 + q) y = 0 is 2 pi / sqrt(1 + q).
  const Tensor q = variable(tensor(0.0, f64));
  const BvpFunction f = [q](const Tensor&, const Tensor& u, const Tensor& p) {
    return stack({u[1], -(p[0] * p[0] * (1.0 + q)) * u[0]}, 0);
  };
  const BoundaryConditions bc = [](const Tensor& ya, const Tensor& yb, const Tensor& p) {
    return stack({ya[0], yb[0], ya[1] - p[0]}, 0);
  };
  const BvpSolution e = solve_bvp(f, bc, evenly(0, 1, 5), tensor({{0, 1, 0, -1, 0}, {0, 1, 0, -1, 0}}, f64),
                                  tensor({6}, f64), {.tol = 1e-6});
  const Tensor slope = grad(sum(e.p), q, {.create_graph = true});
  CHECK(slope.item() == Approx(-std::numbers::pi).epsilon(1e-5));
  CHECK(grad(slope, q).item() == Approx(1.5 * std::numbers::pi).epsilon(1e-4));
  CHECK(!eigenvalue(1e-3).y.requires_grad());
}

TEST_CASE("solve_bvp: errors") {
  const BvpFunction f = [](const Tensor&, const Tensor& y, const Tensor&) { return stack({y[1], -y[0]}, 0); };
  const BoundaryConditions bc = [](const Tensor& a, const Tensor& b, const Tensor&) { return stack({a[0], b[0]}, 0); };
  const Tensor x = evenly(0, 1, 5), y = zeros({2, 5}, f64);
  CHECK_THROWS_WITH(solve_bvp(f, bc, x, zeros({2, 4}, f64)), contains("y [n, m]"));
  CHECK_THROWS_AS(solve_bvp(f, bc, x, zeros({2, 5})), DTypeError);
  CHECK_THROWS_WITH(solve_bvp(f, bc, -x, y), contains("nodes must increase"));
  CHECK_THROWS_WITH(solve_bvp(f, bc, x, y, {}, {.tol = 0}), contains("tol > 0"));
  CHECK_THROWS_WITH(solve_bvp(f, bc, x, y, tensor({1.0}, f64)),
                    contains("boundary condition for each") && contains("[3]"));
  CHECK_THROWS_WITH(solve_bvp([](const Tensor&, const Tensor& u, const Tensor&) { return u[1]; }, bc, x, y),
                    contains("f must return the shape of y"));
  CHECK_THROWS_AS(solve_bvp({}, bc, x, y), ValueError);
  // y'' = 0 with both slopes given: y has any height.
  CHECK_THROWS_AS(solve_bvp(
                      [](const Tensor&, const Tensor& u, const Tensor&) {
                        return stack({u[1], 0.0 * u[0]}, 0);
                      },
                      [](const Tensor& a, const Tensor& b, const Tensor&) {
                        return stack({a[1], b[1]}, 0);
                      },
                      x, y),
                  NumericalError);
  CHECK_THROWS_WITH(layer(1e-9), contains("too many nodes"));
  const BvpSolution s = solve_bvp(f, bc, x, y);
  CHECK_THROWS_WITH(s(tensor({1.5}, f64)), contains("outside"));
}

}  // namespace newtape
