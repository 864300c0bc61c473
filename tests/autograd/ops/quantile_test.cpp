// SPDX-License-Identifier: BSD-3-Clause
// Interpolations of quantiles, and quantiles as functions of their level.
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/tape.hpp>

namespace newtape {
namespace {

TEST_CASE("quantiles with the interpolations of NumPy") {
  // np.quantile([1, 2, 4, 8], [0, 0.3, 0.5, 0.9, 1], method=...)
  const Tensor x = variable(tensor({8, 1, 4, 2}, f64));
  const std::vector<double> q{0, 0.3, 0.5, 0.9, 1};
  const auto check = [&](Interpolation how, std::initializer_list<double> right) {
    CHECK(allclose(quantile(x, q, {}, false, how), tensor(right, f64), 1e-15));
  };
  check(Interpolation::linear, {1, 1.9, 3, 6.8, 8});
  check(Interpolation::lower, {1, 1, 2, 4, 8});
  check(Interpolation::higher, {1, 2, 4, 8, 8});
  check(Interpolation::midpoint, {1, 1.5, 3, 6, 8});
  check(Interpolation::nearest, {1, 2, 4, 8, 8});
  CHECK(array_equal(grad(quantile(x, 0.5, {}, false, Interpolation::lower), x), tensor({0, 0, 0, 1}, f64)));
  CHECK(array_equal(grad(quantile(x, 0.4, 0, true, Interpolation::midpoint), x), tensor({0, 0, 0.5, 0.5}, f64)));
}

TEST_CASE("a quantile is differentiable in its level") {
  const Tensor x = variable(tensor({{8, 1, 4, 2}, {3, -1, 0, 5}}, f64));
  const Tensor q = variable(tensor({0.3, 0.85}, f64));
  CHECK(array_equal(quantile(x, q, 1), quantile(x, std::vector<double>{0.3, 0.85}, 1)));
  CHECK(quantile(x, tensor(0.5, f64), 1).shape() == Shape{2});
  // The slope between the neighbours, times n - 1.
  CHECK(allclose(grad(quantile(x[0], variable(tensor(0.3, f64))), x), grad(quantile(x[0], 0.3), x)));
  CHECK(allclose(grad(sum(quantile(x[0], q)), q), tensor({3, 12}, f64)));
  const std::vector<Tensor> both{x, q};
  const Function f = [](std::span<const Tensor> z) { return square(quantile(z[0], z[1], 1)); };
  CHECK(gradcheck(f, both));
  CHECK_THROWS_AS(quantile(x, tensor(0.5), 1), ShapeError);
  CHECK_THROWS_AS(quantile(x, tensor(1.5, f64), 1), ValueError);
}

}  // namespace
}  // namespace newtape
