// SPDX-License-Identifier: BSD-3-Clause
// Integrals against closed forms, and their derivatives.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/solvers/quad.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace newtape;

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double endless = std::numeric_limits<double>::infinity();

struct Integral {
  std::string name;
  UnaryFunction f;
  double a, b, value;
};

std::vector<Integral> integrals() {
  return {
      {"exp", [](const Tensor& t) { return exp(t); }, 0, 1, std::exp(1.0) - 1},
      {"backwards", [](const Tensor& t) { return exp(t); }, 1, 0, 1 - std::exp(1.0)},
      {"no width", [](const Tensor& t) { return exp(t); }, 2, 2, 0},
      {"oscillating", [](const Tensor& t) { return cos(100 * t); }, 0, 1, std::sin(100.0) / 100},
      {"peak", [](const Tensor& t) { return 1 / (t * t + 1e-6); }, -1, 1, 2e3 * std::atan(1e3)},
      {"kink", [](const Tensor& t) { return abs(t - 0.3); }, 0, 1, 0.29},
      {"sqrt", [](const Tensor& t) { return sqrt(t); }, 0, 1, 2.0 / 3},
      {"log at 0", [](const Tensor& t) { return log(t); }, 0, 1, -1},
      {"pole at 0", [](const Tensor& t) { return 1 / sqrt(t); }, 0, 1, 2},
      {"Gauss", [](const Tensor& t) { return exp(-t * t); }, -endless, endless, std::sqrt(pi)},
      {"Gauss, backwards", [](const Tensor& t) { return exp(-t * t); }, endless, -endless, -std::sqrt(pi)},
      {"half line", [](const Tensor& t) { return t * exp(-t); }, 0, endless, 1},
      {"from infinity", [](const Tensor& t) { return exp(t); }, -endless, 1, std::exp(1.0)},
      {"Cauchy", [](const Tensor& t) { return 1 / (1 + t * t); }, 1, endless, pi / 4},
      {"zero", [](const Tensor& t) { return sin(t); }, -2, 2, 0},
  };
}

}  // namespace

TEST_CASE("quad: closed forms, within the estimated error") {
  for (const auto& i : integrals()) {
    const auto found = quad(i.f, i.a, i.b);
    INFO(i.name << ": " << found.value.item() << ", wanted " << i.value << ", error " << found.error << ", "
                << found.evaluations << " points");
    CHECK(found.value.dtype() == f64);
    CHECK(found.value.ndim() == 0);
    CHECK(std::abs(found.value.item() - i.value) <= std::max(1e-10, 1e-10 * std::abs(i.value)));
    // The estimate is meant to be an upper bound; rounding of the sum is beside it.
    CHECK(std::abs(found.value.item() - i.value) <= found.error + 1e-15 * (1 + std::abs(i.value)));
    CHECK(found.evaluations <= 8000);
  }
}

TEST_CASE("quad: the formula is exact for polynomials of degree 31") {
  for (const int degree : {0, 1, 9, 20, 31}) {
    const auto found = quad([&](const Tensor& t) { return pow(t, degree); }, 0, 2);
    INFO("degree " << degree);
    CHECK(found.value.item() == Approx(std::pow(2.0, degree + 1) / (degree + 1)).epsilon(1e-14));
    CHECK(found.intervals == 4);
  }
}

TEST_CASE("quad: several functions at once, and f32") {
  const auto f = [](const Tensor& t) { return stack({exp(t), t * t, 1 / (1e-4 + t * t)}, -1); };
  const auto found = quad(f, 0, tensor(1, f64));
  CHECK(found.value.shape() == Shape{3});
  CHECK(found.value[0].item() == Approx(std::exp(1.0) - 1).epsilon(1e-13));
  CHECK(found.value[1].item() == Approx(1.0 / 3).epsilon(1e-13));
  CHECK(found.value[2].item() == Approx(100 * std::atan(100.0)).epsilon(1e-10));
  const auto nothing = quad([](const Tensor& t) { return zeros({t.size(), 0}, f64); }, 0, 1);
  CHECK(nothing.value.shape() == Shape{0});
  const auto single = quad([](const Tensor& t) { return exp(-t * t); }, 0, tensor(endless, f32));
  CHECK(single.value.dtype() == f32);
  CHECK(single.value.item() == Approx(std::sqrt(pi) / 2).epsilon(1e-5));
}

TEST_CASE("quad: derivatives in parameters and limits, to order three") {
  // The integral of exp(-k t) from 0 is 1 / k, whose n-th derivative is (-1)^n n! / k^(n + 1).
  const UnaryFunction inverse = [](const Tensor& k) {
    return quad([&](const Tensor& t) { return exp(-k * t); }, 0, tensor(endless, f64)).value;
  };
  const Tensor k = tensor(2, f64);
  CHECK(inverse(k).item() == Approx(0.5).epsilon(1e-10));
  CHECK(grad(inverse)(k).item() == Approx(-0.25).epsilon(1e-9));
  CHECK(grad(grad(inverse))(k).item() == Approx(0.25).epsilon(1e-8));
  CHECK(grad(grad(grad(inverse)))(k).item() == Approx(-0.375).epsilon(1e-7));
  const Function all = [](std::span<const Tensor> x) {
    return quad([&](const Tensor& t) { return exp(-x[2] * t * t); }, x[0], x[1]).value;
  };
  const std::vector<Tensor> at{tensor(-0.5, f64), tensor(1.5, f64), tensor(0.8, f64)};
  const auto checked = gradcheck(all, at, {.order = 3});
  INFO(checked.message);
  CHECK(checked.ok);
  // The fundamental theorem.
  const UnaryFunction of_b = [](const Tensor& b) {
    return quad([](const Tensor& t) { return sin(t) / t; }, 0, b).value;
  };
  CHECK(grad(of_b)(tensor(2, f64)).item() == Approx(std::sin(2.0) / 2).epsilon(1e-12));
}

TEST_CASE("quad: what cannot be integrated is an error") {
  const auto inverse = [](const Tensor& t) { return 1 / t; };
  CHECK_THROWS_AS(quad(inverse, 0, 1, {.max_intervals = 100}), NumericalError);
  CHECK_THROWS_AS(quad([](const Tensor& t) { return log(t - 0.5); }, 0, 1), NumericalError);
  CHECK_THROWS_AS(quad([](const Tensor& t) { return sum(t); }, 0, 1), ShapeError);
  CHECK_THROWS_AS(quad([](const Tensor& t) { return t.to(f32); }, 0, 1), DTypeError);
  CHECK_THROWS_AS(quad(inverse, ones({2}, f64), 3), ShapeError);
  CHECK_THROWS_AS(quad(inverse, tensor(1, f32), tensor(2, f64)), DTypeError);
  CHECK_THROWS_AS(quad(inverse, endless, endless), ValueError);
  CHECK_THROWS_AS(quad(inverse, std::nan(""), 1), ValueError);
  CHECK_THROWS_AS(quad(inverse, 1, 2, {.rtol = -1}), ValueError);
}
