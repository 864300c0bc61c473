// SPDX-License-Identifier: BSD-3-Clause
// Densities and moments against matrices of known spectrum. The estimate of the mean of f over the eigenvalues from a
// vector that is uniform on the sphere has the variance 2 (mean f^2 - (mean f)^2) / (n + 2).
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/spectrum.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace nt = newtape;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LinearOperator;

namespace {

LinearOperator known_spectrum(const nt::Array& d) {
  return {d.size(), d.dtype(), [d](const nt::Array& v) { return d * v; }};
}

/// The mean of f over `values`, and the standard deviation of its estimate from one probe.
std::pair<double, double> mean_and_deviation(const nt::Array& values, const std::function<double(double)>& f) {
  const nt::Array x = core::contiguous(core::cast(values, nt::f64));
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double y = f(x.data<double>()[i]);
    mean += y / n;
    squares += y * y / n;
  }
  return {mean, std::sqrt(std::max(2 * (squares - mean * mean) / (n + 2), 0.0))};
}

}  // namespace

TEST_CASE("moments of a known spectrum lie within the spread of the probes") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    // Two blocks and a heavy tail.
    nt::Array d = core::concatenate(
        std::vector{core::full({150}, -1, dtype), core::arange(150, dtype, 0, 0.01), core::full({3}, 20, dtype)});
    const std::int64_t probes = 20;
    const auto s = inspect::spectrum(known_spectrum(d), {.probes = probes, .steps = 60});
    CHECK(s.size() == 303);
    CHECK(s.products() <= probes * 60);
    const double rounding = 303 * bounds::gamma(303, dtype);
    for (int k = 1; k <= 3; ++k) {
      const auto [exact, deviation] = mean_and_deviation(d, [k](double x) { return std::pow(x, k); });
      const auto estimate = s.moment(k);
      CHECK(std::abs(estimate.value - exact) <= bounds::mean_of(probes, deviation) + rounding * std::pow(20, k));
      // A standard error from 20 probes: chi with 19 degrees of freedom, between 0.3 and 2 times at 6 sigma.
      CHECK(estimate.standard_error >= 0.3 * deviation / std::sqrt(probes));
      CHECK(estimate.standard_error <= 2.2 * deviation / std::sqrt(probes));
    }
    CHECK(s.moment(0).value == Approx(1).epsilon(rounding));
    CHECK(s.trace().value == Approx(303 * s.moment(1).value));
    const auto [negative, deviation] = mean_and_deviation(d, [](double x) { return x < -0.5 ? 1.0 : 0.0; });
    CHECK(std::abs(s.share(-10, -0.5).value - negative) <= bounds::mean_of(probes, deviation) + rounding);
    CHECK(std::abs(s.smallest() + 1) <= 20 * rounding);
    CHECK(std::abs(s.largest() - 20) <= 20 * rounding);
  }
}

TEST_CASE("the density of a single eigenvalue is the Gaussian around it") {
  const auto s = inspect::spectrum(known_spectrum(core::full({50}, 3, nt::f64)), {.probes = 4, .steps = 10});
  const auto d = s.density(nt::Array(core::arange(5, nt::f64, 2, 0.5)), 0.5);
  for (std::int64_t i = 0; i < 5; ++i) {
    const double z = (2 + 0.5 * static_cast<double>(i) - 3) / 0.5;
    const double exact = std::exp(-z * z / 2) / (0.5 * std::sqrt(2 * std::numbers::pi));
    CHECK(d.value.data<double>()[i] == Approx(exact).epsilon(1e-12));
    CHECK(d.standard_error.data<double>()[i] <= 1e-12);
  }
}

TEST_CASE("a density integrates to one") {
  const auto s = inspect::spectrum(known_spectrum(normal<nt::Array>({200}, 3)), {.probes = 3, .steps = 40});
  const auto d = s.density(2001);
  const double step = d.grid.data<double>()[1] - d.grid.data<double>()[0];
  // The ends, 4 standard deviations away, lack 6e-5.
  CHECK(core::sum(d.value).item() * step == Approx(1).margin(1e-4));
  CHECK(s.density(10).grid.size() == 10);
}

TEST_CASE("the Hessian of random least squares follows Marchenko and Pastur") {
  // X^T X / m for X [m, n] of normal numbers, q = n / m.
  const double n = 200;
  const double m = 800;
  const double q = n / m;
  for (const auto dtype : {nt::f32, nt::f64}) {
    const auto x = normal<nt::Array>({800, 200}, 5, dtype);
    const nt::Array xt = core::transpose(x, 0, 1);
    const LinearOperator h(200, dtype, [=](const nt::Array& v) {
      return core::reshape(core::matmul(xt, core::matmul(x, core::unsqueeze(v, 1))), {200}) * (1 / m);
    });
    const std::int64_t probes = 20;
    const auto s = inspect::spectrum(h, {.probes = probes, .steps = 50});
    // Singular values of X / sqrt(m) leave 1 +- (sqrt(q) + t) with probability exp(-m t^2 / 2) (Davidson & Szarek 2001).
    const double t = std::sqrt(2 * std::log(1e9) / m);
    CHECK(std::sqrt(s.largest()) <= 1 + std::sqrt(q) + t);
    CHECK(std::sqrt(s.smallest()) >= 1 - std::sqrt(q) - t);
    // The moments 1 and 1 + q + 1 / m, with the fluctuation of the matrix, tr / n having the variance 2 / (n m), and of
    // the probes: mean f^2 - (mean f)^2 is q for f(x) = x, below 4 (1 + q)^2 q + 1 for x^2.
    CHECK(std::abs(s.moment(1).value - 1) <=
          6 * std::sqrt(2 / (n * m)) + bounds::mean_of(probes, std::sqrt(2 * q / n)));
    const double spread = std::sqrt(2 * (4 * (1 + q) * (1 + q) * q + 1) / n);
    CHECK(std::abs(s.moment(2).value - (1 + q + 1 / m)) <=
          6 * 4 * std::sqrt(2 / (n * m)) + bounds::mean_of(probes, spread));
    // The median of the law, by its density sqrt((b - x) (x - a)) / (2 pi q x).
    const double a = std::pow(1 - std::sqrt(q), 2);
    const double b = std::pow(1 + std::sqrt(q), 2);
    double below = 0;
    const int points = 20000;
    for (int i = 0; i < points; ++i) {
      const double at = a + (0.9 - a) * (i + 0.5) / points;
      below += std::sqrt((b - at) * (at - a)) / (2 * std::numbers::pi * q * at) * (0.9 - a) / points;
    }
    // The quadrature places shares to 1 / steps; the count of eigenvalues fluctuates by a few.
    CHECK(std::abs(s.share(0, 0.9).value - below) <= 1.0 / 50 + 5 / n + bounds::mean_of(probes, std::sqrt(0.5 / n)));
  }
}

TEST_CASE("spectra are reproducible by generator") {
  const auto op = known_spectrum(normal<nt::Array>({40}, 3));
  nt::Generator a(9), b(9);
  const auto first = inspect::spectrum(op, {.probes = 2, .generator = &a});
  const auto second = inspect::spectrum(op, {.probes = 2, .generator = &b});
  CHECK(first.probes()[1].nodes == second.probes()[1].nodes);
  CHECK(first.probes()[1].weights == second.probes()[1].weights);
}

TEST_CASE("spectrum rejects invalid arguments") {
  const auto op = known_spectrum(core::ones({4}, nt::f64));
  CHECK_THROWS_AS(inspect::spectrum(op, {.probes = 0}), nt::ValueError);
  CHECK_THROWS_AS(inspect::spectrum(op, {.steps = 0}), nt::ValueError);
  CHECK_THROWS_AS(inspect::spectrum(LinearOperator(normal<nt::Array>({3, 4}, 1))), nt::ValueError);
  const auto s = inspect::spectrum(op);
  CHECK_THROWS_AS(s.density(100, -1), nt::ValueError);
  CHECK_THROWS_AS(s.density(1), nt::ValueError);
  CHECK_THROWS_AS(s.density(core::zeros({2, 2}, nt::f64)), nt::ShapeError);
  CHECK(std::isnan(inspect::spectrum(op, {.probes = 1}).moment(1).standard_error));
}

TEST_CASE("the spectral measure of a vector integrates polynomials of the matrix exactly") {
  const nt::Array d = nt::tensor({1.0, 2.0, 3.5, 10.0}, nt::f64).value();
  const nt::Array v = nt::tensor({0.3, -1.2, 2.0, 0.7}, nt::f64).value();
  const auto q = inspect::spectral_measure(known_spectrum(d), v, 4);
  REQUIRE(q.nodes.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {  // of a diagonal matrix: its elements, with the squares of v
    const double x = v.data<double>()[i];
    CHECK(q.nodes[i] == Approx(d.data<double>()[i]).epsilon(1e-12));
    CHECK(q.weights[i] == Approx(x * x).epsilon(1e-10));
  }
  // Two steps are exact up to degree 3.
  const auto two = inspect::spectral_measure(known_spectrum(d), v, 2);
  for (int k = 0; k < 4; ++k) {
    double wanted = 0;
    double got = 0;
    for (std::int64_t i = 0; i < 4; ++i) {
      wanted += v.data<double>()[i] * v.data<double>()[i] * std::pow(d.data<double>()[i], k);
    }
    for (std::size_t i = 0; i < two.nodes.size(); ++i) got += two.weights[i] * std::pow(two.nodes[i], k);
    CHECK(got == Approx(wanted).epsilon(1e-12));
  }
  CHECK(inspect::spectral_measure(known_spectrum(d), core::full({4}, 0, nt::f64), 3).nodes.empty());
  CHECK_THROWS_AS(inspect::spectral_measure(known_spectrum(d), core::full({3}, 1, nt::f64), 3), nt::ShapeError);
  CHECK_THROWS_AS(inspect::spectral_measure(known_spectrum(d), v, 0), nt::ValueError);
}
