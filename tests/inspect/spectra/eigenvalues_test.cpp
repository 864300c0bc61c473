// SPDX-License-Identifier: BSD-3-Clause
// Lanczos eigenvalues against matrices whose eigenvalues are known in closed form.
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>

#include <cmath>
#include <numbers>

namespace nt = newtape;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LinearOperator;

namespace {

LinearOperator diagonal_operator(const nt::Array& d) {
  return {d.size(), d.dtype(), [d](const nt::Array& v) { return d * v; }};
}

/// The second difference with zero ends, [n, n]: eigenvalues 2 - 2 cos(k pi / (n + 1)), k = 1 .. n.
LinearOperator laplacian_1d(std::int64_t n, nt::DType dtype) {
  return {n, dtype, [=](const nt::Array& v) {
            nt::Array left = core::zeros({n}, dtype);
            nt::Array right = core::zeros({n}, dtype);
            nt::Array later = core::slice(left, 0, 1, n);
            core::assign(later, core::slice(v, 0, 0, n - 1));
            nt::Array earlier = core::slice(right, 0, 0, n - 1);
            core::assign(earlier, core::slice(v, 0, 1, n));
            return 2.0 * v - left - right;
          }};
}

double laplacian_eigenvalue(std::int64_t k, std::int64_t n) {
  return 2 - 2 * std::cos(static_cast<double>(k) * std::numbers::pi / static_cast<double>(n + 1));
}

/// Rounding of a product with a matrix of norm `norm`, of a projection on some dozens of vectors, and of LAPACK.
double rounding(std::int64_t n, double norm, nt::DType dtype) {
  return bounds::gamma(10 * std::sqrt(static_cast<double>(n)) + 100, dtype) * norm;
}

}  // namespace

TEST_CASE("extreme eigenvalues of the 1-D Laplacian") {
  const std::int64_t n = 120;
  for (const auto dtype : {nt::f32, nt::f64}) {
    const auto op = laplacian_1d(n, dtype);
    const auto e = inspect::extreme_eigenvalues(op, {.largest = 3, .smallest = 2, .vectors = true});
    CHECK(e.converged);
    REQUIRE(e.largest.values.size() == 3);
    REQUIRE(e.smallest.values.size() == 2);
    for (std::size_t i = 0; i < 3; ++i) {
      const double exact = laplacian_eigenvalue(n - static_cast<std::int64_t>(i), n);
      // An eigenvalue lies within the residual (Weyl).
      CHECK(std::abs(e.largest.values[i] - exact) <= e.largest.residuals[i] + rounding(n, 4, dtype));
      CHECK(e.largest.residuals[i] <= 4 * (dtype == nt::f32 ? 2e-4 : 2e-8));
      const nt::Array& x = e.largest.vectors[i];
      CHECK(core::norm2(x) == Approx(1).epsilon(bounds::gamma(static_cast<double>(n), dtype)));
      CHECK(core::norm2(op(x) - e.largest.values[i] * x) <= e.largest.residuals[i] + rounding(n, 4, dtype));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const double exact = laplacian_eigenvalue(1 + static_cast<std::int64_t>(i), n);
      CHECK(std::abs(e.smallest.values[i] - exact) <= e.smallest.residuals[i] + rounding(n, 4, dtype));
    }
  }
}

TEST_CASE("Lanczos restarts keep what was found") {
  // 2000 values in [0, 1] and three above: more than fit into one basis.
  nt::Array d = core::arange(2000, nt::f64, 0, 1.0 / 2000);
  for (int i = 0; i < 3; ++i) d.data<double>()[700 + i] = 1.05 + 0.02 * i;
  const auto e = inspect::extreme_eigenvalues(diagonal_operator(d), {.largest = 3, .basis = 20});
  CHECK(e.converged);
  CHECK(e.products > 20);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(e.largest.values[i] - (1.09 - 0.02 * static_cast<double>(i))) <=
          e.largest.residuals[i] + rounding(2000, 1.1, nt::f64));
  }
}

TEST_CASE("eigenvalues where the Krylov space is small") {
  const auto identity = diagonal_operator(core::ones({10}, nt::f64));
  const auto one = inspect::extreme_eigenvalues(identity, {.largest = 2, .smallest = 2});
  CHECK(one.converged);
  for (const double w : one.largest.values) CHECK(std::abs(w - 1) <= rounding(10, 1, nt::f64));
  for (const double w : one.smallest.values) CHECK(std::abs(w - 1) <= rounding(10, 1, nt::f64));

  const auto zero = inspect::extreme_eigenvalues(diagonal_operator(core::zeros({7}, nt::f32)), {.smallest = 1});
  CHECK(zero.converged);
  CHECK(zero.largest.values[0] == 0);
  CHECK(zero.smallest.values[0] == 0);

  // Rank one: c c^T has the eigenvalue |c|^2, and zeros.
  const auto c = normal<nt::Array>({300}, 3);
  const LinearOperator outer(300, nt::f64, [c](const nt::Array& v) { return core::dot(c, v) * c; });
  const auto e = inspect::extreme_eigenvalues(outer, {.largest = 1, .smallest = 1});
  CHECK(e.converged);
  const double size = core::dot(c, c);
  CHECK(std::abs(e.largest.values[0] - size) <= rounding(300, size, nt::f64));
  CHECK(std::abs(e.smallest.values[0]) <= rounding(300, size, nt::f64));

  const auto scalar =
      inspect::extreme_eigenvalues(diagonal_operator(core::full({1}, -3, nt::f64)), {.largest = 4, .smallest = 1});
  CHECK(scalar.converged);
  REQUIRE(scalar.largest.values.size() == 1);
  CHECK(scalar.largest.values[0] == -3);
}

TEST_CASE("copies of a multiple eigenvalue are found") {
  for (const std::int64_t n : {4, 40, 400}) {
    // 5 twice, and a bulk in [0, 3]; -5 three times below, for the other end.
    const nt::Array bulk = core::arange(n, nt::f64, 0, 3.0 / static_cast<double>(n - 1));
    const nt::Array d = core::concatenate(std::vector{core::full({2}, 5, nt::f64), bulk, core::full({3}, -5, nt::f64)});
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      nt::Generator g(seed);
      const auto e = inspect::extreme_eigenvalues(diagonal_operator(d), {.largest = 3, .smallest = 4, .generator = &g});
      CHECK(e.converged);
      const double high[] = {5, 5, 3};
      const double low[] = {-5, -5, -5, 0};
      for (std::size_t i = 0; i < 3; ++i) {
        CHECK(std::abs(e.largest.values[i] - high[i]) <= e.largest.residuals[i] + rounding(n, 5, nt::f64));
      }
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(std::abs(e.smallest.values[i] - low[i]) <= e.smallest.residuals[i] + rounding(n, 5, nt::f64));
      }
    }
  }
}

TEST_CASE("a limit of products ends with bounds from within") {
  const auto op = laplacian_1d(400, nt::f64);
  const auto e = inspect::extreme_eigenvalues(op, {.largest = 1, .smallest = 1, .max_products = 12});
  CHECK_FALSE(e.converged);
  CHECK(e.products <= 12 + 2);
  CHECK(e.largest.values[0] <= laplacian_eigenvalue(400, 400) + rounding(400, 4, nt::f64));
  CHECK(e.smallest.values[0] >= laplacian_eigenvalue(1, 400) - rounding(400, 4, nt::f64));
}

TEST_CASE("eigenvalues are reproducible by generator, and scale with the matrix") {
  nt::Generator a(5), b(5);
  const auto op = laplacian_1d(60, nt::f64);
  const auto first = inspect::extreme_eigenvalues(op, {.generator = &a});
  CHECK(first.largest.values == inspect::extreme_eigenvalues(op, {.generator = &b}).largest.values);
  // By a power of two without rounding, also to very small numbers.
  nt::Generator c(5);
  const LinearOperator small(60, nt::f64, [op](const nt::Array& v) { return 0x1p-300 * op(v); });
  CHECK(inspect::extreme_eigenvalues(small, {.generator = &c}).largest.values[0] ==
        Approx(0x1p-300 * first.largest.values[0]).epsilon(1e-10));
}

TEST_CASE("condition numbers") {
  const std::int64_t n = 60;
  const double exact = laplacian_eigenvalue(n, n) / laplacian_eigenvalue(1, n);
  const auto c = inspect::condition_number(laplacian_1d(n, nt::f64));
  CHECK(c.converged);
  // The error of the smallest eigenvalue, relative to it.
  CHECK(c.value == Approx(exact).epsilon(2 * rounding(n, 4, nt::f64) / laplacian_eigenvalue(1, n) + 1e-8));

  const nt::Array d = core::arange(5, nt::f64, 1, 1);
  nt::Array tall = core::zeros({8, 5}, nt::f64);
  for (std::int64_t i = 0; i < 5; ++i) tall.data<double>()[i * 5 + i] = d.data<double>()[i];
  const auto general = inspect::condition_number(LinearOperator(tall));
  CHECK(general.value == Approx(5).epsilon(1e-12));
  CHECK(general.largest == Approx(5).epsilon(1e-12));
  CHECK(general.smallest == Approx(1).epsilon(1e-12));

  CHECK(std::isinf(inspect::condition_number(diagonal_operator(core::arange(5, nt::f64))).value));
  CHECK_THROWS_AS(inspect::condition_number(diagonal_operator(core::arange(5, nt::f64, -1, 1))), nt::ValueError);
  CHECK_THROWS_AS(inspect::condition_number(LinearOperator(core::transpose(tall, 0, 1))), nt::ShapeError);
}

TEST_CASE("extreme_eigenvalues rejects invalid arguments") {
  const auto op = laplacian_1d(5, nt::f64);
  CHECK_THROWS_AS(inspect::extreme_eigenvalues(LinearOperator(normal<nt::Array>({3, 3}, 1))), nt::ValueError);
  CHECK_THROWS_AS(inspect::extreme_eigenvalues(diagonal_operator(core::zeros({0}, nt::f64))), nt::ValueError);
  CHECK_THROWS_AS(inspect::extreme_eigenvalues(op, {.largest = 0}), nt::ValueError);
  CHECK_THROWS_AS(inspect::extreme_eigenvalues(op, {.largest = -1, .smallest = 2}), nt::ValueError);
  CHECK_THROWS_AS(inspect::extreme_eigenvalues(op, {.tolerance = -1}), nt::ValueError);
}
