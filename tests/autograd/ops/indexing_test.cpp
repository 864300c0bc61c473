// SPDX-License-Identifier: BSD-3-Clause
// Properties of indexing that the table does not check: views, source lines, constants, and the cost of sweeps.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/tape.hpp>

#include <cmath>

using namespace newtape;

namespace {
std::vector<double> numbers(const Tensor& x) {
  std::vector<double> all;
  const Tensor flat = ravel(x);
  for (std::int64_t i = 0; i < flat.size(); ++i) all.push_back(flat[i].item());
  return all;
}
using V = std::vector<double>;
}  // namespace

TEST_CASE("indexing: strided slices are views") {
  const Tensor x = reshape(arange(24, f64), {2, 3, 4});
  const auto view = [&](const Tensor& y) { return y.value().shares_memory_with(x.value()); };
  CHECK(view(x[1]));
  CHECK(view(x[{Slice(), Slice(none, none, 2), -1}]));
  CHECK(view(x[{ellipsis, newaxis, Slice(1, 3)}]));
  CHECK(view(diagonal(x)));
  CHECK(view(unstack(x, 1)[2]));
  CHECK(view(split(x, 2, -1)[1]));
  CHECK(view(moveaxis(x, 0, -1)));
  CHECK_FALSE(view(x[{Slice(none, none, -1)}]));
}

TEST_CASE("indexing: an error in the sweep names the line of the index") {
  const Tensor x = variable(arange(3, f64));
  const Tensor y = x[1];
  y.backward();
  CHECK_THROWS_WITH(y.backward(), contains("indexing_test.cpp"));
}

TEST_CASE("indexing: constants with regular values") {
  CHECK(numbers(arange(2, 5)) == V{2, 3, 4});
  CHECK(arange(2, 5).dtype() == i64);
  CHECK(numbers(arange(5, 0, -2)) == V{5, 3, 1});
  CHECK(arange(5, 0).size() == 0);
  CHECK(numbers(arange(0.0, 1.0, 0.25)) == V{0, 0.25, 0.5, 0.75});
  CHECK(arange(0, 1, 0.25).dtype() == f32);
  CHECK(arange(0, 3, 1, f64).dtype() == f64);
  CHECK_THROWS_AS(arange(0, 1, 0), ValueError);
  CHECK_THROWS_AS(arange(0.0, INFINITY), ValueError);
  CHECK(numbers(linspace(0, 1, 5)) == V{0, 0.25, 0.5, 0.75, 1});
  CHECK(numbers(linspace(3, 3, 1)) == V{3});
  CHECK(linspace(0, 0.1, 11, f64)[-1].item() == 0.1);
  CHECK(linspace(0, 1, 0).size() == 0);
  CHECK_THROWS_AS(linspace(0, 1, -1), ValueError);
  CHECK(numbers(logspace(0, 2, 3)) == V{1, 10, 100});
  const Tensor like = full_like(zeros({2}, f64), 3);
  CHECK(like.dtype() == f64);
  CHECK(numbers(like) == V{3, 3});
}

TEST_CASE("indexing: where with one argument returns indices") {
  const Tensor x = tensor({{1, -2}, {-3, 4}}, f64);
  const auto at = where(x > 0);
  REQUIRE(at.size() == 2);
  CHECK(numbers(x[{at[0], at[1]}]) == V{1, 4});
  CHECK(numbers(x[x > 0]) == V{1, 4});
  CHECK(numbers(index_put(x, {x < 0}, 0)) == V{1, 0, 0, 4});
}

TEST_CASE("indexing: of values for repeated indices only the last counts, also for the gradient") {
  const Tensor x = variable(zeros({3}, f64));
  const Tensor v = variable(tensor({1, 2, 3, 4}, f64));
  const Tensor y = index_put(x, {tensor({0, 2, 0, -1}, i64)}, v);
  CHECK(numbers(y) == V{3, 0, 4});
  const auto g = grad(sum(y * tensor({5, 6, 7}, f64)), {x, v});
  CHECK(numbers(g[0]) == V{0, 6, 0});
  CHECK(numbers(g[1]) == V{0, 0, 5, 7});
}

TEST_CASE("indexing: the results of unstack share one pullback") {
  const Tensor x = variable(arange(12, f64));
  const auto rows = unstack(reshape(x, {3, 4}));
  SECTION("those without a cotangent count as zeros") {
    sum(square(rows[1])).backward();
    CHECK(numbers(x.grad()) == V{0, 0, 0, 0, 8, 10, 12, 14, 0, 0, 0, 0});
  }
  SECTION("in one piece") {
    (sum(rows[0]) + 2 * sum(rows[1]) + 3 * sum(rows[2])).backward();
    CHECK(numbers(x.grad()) == V{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3});
  }
}

TEST_CASE("indexing: many parts of one array add to one gradient in place") {
  const std::int64_t n = 40;
  const Tensor w = reshape(arange(0, 8 * n, 1, f64), {n, 8});
  const auto loss = [&](const Tensor& x) {
    Tensor total = sum(x[{Slice(none, none, -2), 1}]);
    for (std::int64_t t = 0; t < n; ++t) total = total + sum(x[t] * w[t]);
    return total + sum(take(x, tensor({3, 3, -1}, i64)) * 2);
  };
  const Tensor x = variable(zeros({n, 8}, f64));
  const Tensor y = loss(x);
  y.backward({.retain_graph = true});
  const Tensor recorded = grad(y, x, {.create_graph = true});
  CHECK(max(abs(x.grad() - recorded)).item() == 0);
  V want = numbers(w);
  for (std::int64_t t = 1; t < n; t += 2) want[static_cast<std::size_t>(8 * t + 1)] += 1;
  for (std::size_t k = 0; k < 8; ++k) {
    want[24 + k] += 4;
    want[static_cast<std::size_t>(8 * (n - 1)) + k] += 2;
  }
  CHECK(numbers(x.grad()) == want);
}
