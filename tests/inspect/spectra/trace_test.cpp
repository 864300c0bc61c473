// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/trace.hpp>

#include <cmath>

namespace nt = newtape;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LinearOperator;

namespace {

/// b b^T for b [n, rank] of normal numbers, with its trace.
std::pair<LinearOperator, double> low_rank(std::int64_t n, std::int64_t rank, nt::DType dtype) {
  const auto b = normal<nt::Array>({n, rank}, 11, dtype);
  const nt::Array bt = core::transpose(b, 0, 1);
  LinearOperator a(n, dtype, [=](const nt::Array& v) {
    return core::reshape(core::matmul(b, core::matmul(bt, core::unsqueeze(v, 1))), {n});
  });
  return {a, core::sum(core::square(core::cast(b, nt::f64))).item()};
}

}  // namespace

TEST_CASE("Hutch++ is exact for a matrix of low rank") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const auto [a, trace] = low_rank(200, 5, dtype);
    const auto e = inspect::estimate_trace(a, {.products = 18});
    // Rounding of products with a matrix of this norm at most, on some vectors of length sqrt(n).
    const double bound = 10 * bounds::gamma(400, dtype) * trace;
    CHECK(std::abs(e.value - trace) <= bound);
    CHECK(e.standard_error <= bound);
  }
}

TEST_CASE("Hutch++ sums the diagonal when there are as many products as rows") {
  const auto m = normal<nt::Array>({12, 12}, 2);
  const auto e = inspect::estimate_trace(LinearOperator(m), {.products = 12});
  CHECK(e.value == Approx(core::sum(core::diagonal(m)).item()).epsilon(bounds::gamma(30, nt::f64) * 100));
  CHECK(e.standard_error == 0);
}

TEST_CASE("Hutch++ needs few products where eigenvalues fall off") {
  // Eigenvalues 1 / k^2 in the basis of Hadamard's matrix, and two large ones: heavy-tailed blocks.
  const std::int64_t n = 64;
  nt::Array h = core::ones({1, 1}, nt::f64);
  while (h.shape(0) < n) {
    h = core::concatenate(
        std::vector{core::concatenate(std::vector{h, h}, 1), core::concatenate(std::vector{h, -h}, 1)});
  }
  nt::Array w = core::arange(n, nt::f64, 1, 1);
  w = 1.0 / (w * w);
  w.data<double>()[40] = 1e3;
  w.data<double>()[50] = 5e3;
  const LinearOperator a(n, nt::f64, [=](const nt::Array& v) {
    const nt::Array inner = core::matmul(core::transpose(h, 0, 1), core::unsqueeze(v, 1));
    return core::reshape(core::matmul(h, core::unsqueeze(w, 1) * inner), {n}) * (1.0 / static_cast<double>(n));
  });
  const auto e = inspect::estimate_trace(a, {.products = 30});
  CHECK(std::abs(e.value - core::sum(w).item()) <= 6 * e.standard_error + bounds::gamma(1000, nt::f64) * 6e3);
  // From as many products, Hutchinson's estimate has the standard deviation sqrt(2 / 30) |A|_F for vectors of normal
  // numbers; here the sketch of 10 vectors holds the two large eigenvalues, and the rest has a norm below 1.1.
  CHECK(e.standard_error < 1.1);
  CHECK(std::sqrt(2.0 / 30 * core::sum(core::square(w)).item()) > 1e3);
}

TEST_CASE("the diagonal estimate is exact for a diagonal matrix, and within its standard error otherwise") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const auto d = normal<nt::Array>({30}, 6, dtype);
    const LinearOperator diagonal(30, dtype, [d](const nt::Array& v) { return d * v; });
    const auto exact = inspect::estimate_diagonal(diagonal, {.samples = 3});
    CHECK(core::max(core::abs(exact.value - d)).item() <= bounds::gamma(10, dtype) * 5);
    CHECK(core::max(exact.standard_error).item() <= bounds::gamma(10, dtype) * 5);

    const auto x = normal<nt::Array>({30, 30}, 7, dtype);
    const std::int64_t samples = 400;
    const auto e = inspect::estimate_diagonal(LinearOperator(x), {.samples = samples});
    const nt::Array squares = core::square(x);
    const nt::Array others = core::sum(squares, 1) - core::diagonal(squares);
    for (std::int64_t i = 0; i < 30; ++i) {
      const double deviation = std::sqrt(core::select(others, 0, i).item());
      const double error = core::select(e.value - core::diagonal(x), 0, i).item();
      CHECK(std::abs(error) <= bounds::mean_of(samples, deviation));
      CHECK(core::select(e.standard_error, 0, i).item() ==
            Approx(deviation / 20).epsilon(6 / std::sqrt(2.0 * samples)));
    }
  }
}

TEST_CASE("estimates are reproducible by generator, and reject invalid arguments") {
  const auto [a, trace] = low_rank(50, 40, nt::f64);
  nt::Generator g(1), h(1);
  CHECK(inspect::estimate_trace(a, {.generator = &g}).value == inspect::estimate_trace(a, {.generator = &h}).value);
  CHECK(same_bits(inspect::estimate_diagonal(a, {.generator = &g}).value,
                  inspect::estimate_diagonal(a, {.generator = &h}).value));
  CHECK(std::isnan(core::select(inspect::estimate_diagonal(a, {.samples = 1}).standard_error, 0, 0).item()));
  const LinearOperator wide(normal<nt::Array>({2, 3}, 1));
  CHECK_THROWS_AS(inspect::estimate_trace(wide), nt::ShapeError);
  CHECK_THROWS_AS(inspect::estimate_diagonal(wide), nt::ShapeError);
  CHECK_THROWS_AS(inspect::estimate_trace(a, {.products = 2}), nt::ValueError);
  CHECK_THROWS_AS(inspect::estimate_diagonal(a, {.samples = 0}), nt::ValueError);
}
