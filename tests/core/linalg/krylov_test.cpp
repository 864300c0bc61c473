// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/krylov.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <vector>

using namespace newtape;

namespace {

core::MatVec times(const Array& a) {
  return [a](const Array& v) { return core::reshape(core::matmul(a, core::reshape(v, {-1, 1})), {-1}); };
}
double norm(const Array& x) { return std::sqrt(core::sum(core::square(x)).item()); }

}  // namespace

TEST_CASE("krylov: the residual satisfies the tolerance") {
  for (const DType dtype : {f32, f64}) {
    for (const std::int64_t n : {1, 2, 10, 60}) {
      INFO(name(dtype) << ", n = " << n);
      const Array r = normal<Array>({n, n}, 1, dtype);
      const Array spd = core::add(core::matmul(r, core::transpose(r, 0, 1)), core::eye(n, dtype));
      const Array b = normal<Array>({n}, 2, dtype);
      const double tolerance = dtype == f32 ? 2e-4 : 1e-9;
      const auto good = [&](const core::KrylovResult& found, const Array& a) {
        CHECK(found.converged);
        CHECK(norm(core::sub(b, times(a)(found.x))) <= tolerance * norm(b));
      };
      core::KrylovOptions options{.tolerance = dtype == f32 ? 1e-5 : 1e-10, .max_iterations = 5000};
      good(core::cg(times(spd), b, options), spd);
      // A general matrix with eigenvalues away from zero.
      const Array far = core::add(r, core::mul(core::eye(n, dtype), core::full({}, 3 * std::sqrt(double(n)), dtype)));
      good(core::gmres(times(far), b, options), far);
      options.restart = 7;
      good(core::gmres(times(far), b, options), far);
      good(core::bicgstab(times(far), b, options), far);
    }
  }
}

TEST_CASE("krylov: gmres ends after n products, without restarts") {
  const Array a = normal<Array>({12, 12}, 3, f64);
  const auto found = core::gmres(times(a), normal<Array>({12}, 4, f64));
  CHECK(found.converged);
  CHECK(found.iterations <= 12);
  // The residual stays constant until the last step: a cyclic shift.
  const core::MatVec turn = [](const Array& v) {
    return core::concatenate(std::vector<Array>{core::slice(v, 0, 1, 4), core::slice(v, 0, 0, 1)}, 0);
  };
  const auto turned = core::gmres(turn, core::reshape(core::slice(core::eye(4, f64), 0, 0, 1), {4}));
  CHECK(turned.converged);
  CHECK(turned.iterations == 4);
}

TEST_CASE("krylov: unsolvable systems are reported as not converged") {
  const Array zero = core::zeros({3, 3}, f64);
  const Array b = core::ones({3}, f64);
  for (const auto solver : {core::cg, core::gmres, core::bicgstab}) {
    CHECK_FALSE(solver(times(zero), b, {}).converged);
    CHECK_FALSE(solver(times(core::mul(core::eye(3, f64), core::full({}, NAN, f64))), b, {}).converged);
    // Zero right-hand side.
    const auto of_zero = solver(times(zero), core::zeros({3}, f64), {});
    CHECK(of_zero.converged);
    CHECK(of_zero.iterations == 0);
    CHECK(solver(times(zero), core::zeros({0}, f64), {}).converged);
    CHECK_THROWS_AS(solver(times(zero), core::ones({3, 1}, f64), {}), ShapeError);
    CHECK_THROWS_AS(solver([](const Array&) { return core::ones({2}, f64); }, b, {}), ShapeError);
    CHECK_THROWS_AS(solver(times(zero), core::arange(3, i64), {}), DTypeError);
  }
  CHECK_FALSE(core::cg(times(core::neg(core::eye(3, f64))), b, {}).converged);
  const auto few =
      core::gmres(times(normal<Array>({40, 40}, 5, f64)), normal<Array>({40}, 6, f64), {.max_iterations = 5});
  CHECK_FALSE(few.converged);
  CHECK(few.iterations == 5);
  CHECK(few.residual > 1e-6);
}

TEST_CASE("krylov: a breakdown in the first iteration leaves x = 0 and the residual of b itself") {
  const Array b = normal<Array>({3}, 5, f64);
  const core::MatVec negative = [](const Array& v) { return core::neg(v); };
  const core::MatVec nowhere = [](const Array& v) { return core::zeros(v.shape(), v.dtype()); };
  const core::MatVec undefined = [](const Array& v) { return core::full(v.shape(), NAN, v.dtype()); };
  const auto stopped = [&](const core::KrylovResult& found) {
    CHECK_FALSE(found.converged);
    CHECK(found.iterations == 1);
    CHECK(found.residual == 1);
    CHECK(norm(found.x) == 0);
  };
  for (const auto& a : {negative, nowhere, undefined}) stopped(core::cg(a, b));
  for (const auto& a : {nowhere, undefined}) {
    stopped(core::bicgstab(a, b));
    stopped(core::gmres(a, b));
  }
  const auto solved = core::cg(negative, core::zeros({3}, f64));
  CHECK(solved.converged);
  CHECK(solved.residual == 0);
}
