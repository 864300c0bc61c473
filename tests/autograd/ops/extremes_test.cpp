// SPDX-License-Identifier: BSD-3-Clause
// Extremes with their indices, and the functions that take one bound.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tape.hpp>

#include <limits>

namespace newtape {
namespace {

TEST_CASE("max and min along an axis give values and indices") {
  const Tensor x = variable(tensor({{1, 5, 5}, {7, 2, 0}}, f64));
  const auto [v, i] = max(x, 1);
  CHECK(array_equal(v, tensor({5, 7}, f64)));
  CHECK(array_equal(i, tensor({1, 0})));
  const auto [low, at] = min(x, 0, true);
  CHECK(array_equal(low, tensor({{1, 2, 0}}, f64)));
  CHECK(array_equal(at, tensor({{0, 1, 1}})));
  const Tensor as_tensor = max(x, -1, true);
  CHECK(array_equal(as_tensor, tensor({{5}, {7}}, f64)));
  CHECK(array_equal(x - max(x, -1, true), tensor({{-4, 0, 0}, {0, -5, -7}}, f64)));
  CHECK(max(x, 1).shape() == Shape{2});
  CHECK(max(x, 1).indices().dtype() == i64);
  CHECK(max(x, {0, 1}).item() == 7);
  CHECK(max(x).item() == 7);
  // Equal maxima share the gradient, also when the indices are asked for.
  CHECK(array_equal(grad(sum(v), x), tensor({{0, 0.5, 0.5}, {1, 0, 0}}, f64)));
  const auto [first_nan, where_nan] = max(tensor({1.0, NAN, 2, NAN}), 0);
  CHECK(isnan(first_nan).item<bool>());
  CHECK(where_nan.item<int>() == 1);
  CHECK_THROWS_WITH(max(x, 2), contains("extremes_test.cpp:"));
}

TEST_CASE("max and min of two tensors are maximum and minimum") {
  const Tensor a = tensor({1.0, 5});
  const Parameter b(tensor({2.0, 3}));
  CHECK(array_equal(max(a, b), tensor({2.0, 5})));
  CHECK(array_equal(min(a, b.tensor()), tensor({1.0, 3})));
  CHECK_THROWS_WITH(max(a, zeros({3})), contains("extremes_test.cpp:"));
}

TEST_CASE("argmax and argmin over all elements index the flattened tensor") {
  const Tensor x = tensor({{1.0, 5}, {7, 2}});
  CHECK(argmax(x).item<int>() == 2);
  CHECK(argmin(transpose(x)).item<int>() == 0);
  CHECK(argmax(x).shape().empty());
  CHECK_THROWS_AS(argmax(zeros({0})), ValueError);
}

TEST_CASE("clip with one bound") {
  const Tensor x = variable(tensor({-2, 0, 3}, f64));
  CHECK(array_equal(clip(x, 0), tensor({0, 0, 3}, f64)));
  CHECK(array_equal(clamp(x, std::nullopt, 0.5), tensor({-2, 0, 0.5}, f64)));
  CHECK(array_equal(clamp_min(x, -1), tensor({-1, 0, 3}, f64)));
  CHECK(array_equal(clamp_max(tensor({1, 7}), 5), tensor({1, 5})));
  CHECK(array_equal(clamp(tensor({1, 7}), 2), tensor({2, 7})));
  CHECK(array_equal(clamp(x, -1, 1), clip(x, -1, 1)));
  CHECK(array_equal(grad(sum(clip(x, 0)), x), tensor({0, 1, 1}, f64)));  // 1 at the bound, as with two
  CHECK(array_equal(clip(x, tensor({-1, 1, 2}, f64)), tensor({-1, 1, 3}, f64)));
  CHECK(isnan(clip(tensor(NAN), 0)).item<bool>());
}

TEST_CASE("round to a number of decimals") {
  const Tensor x = tensor({1.2345, -0.675, 1250}, f64);
  CHECK(allclose(round(x, 2), tensor({1.23, -0.68, 1250}, f64), 1e-15));
  CHECK(array_equal(round(x, -2), tensor({0, -0.0, 1200}, f64)));
  CHECK(array_equal(round(x, 0), round(x)));
}

TEST_CASE("bincount with weights") {
  const Tensor w = variable(tensor({0.5, 1, 2}, f64));
  const Tensor y = bincount(tensor({2, 0, 2}), w, 4);
  CHECK(array_equal(y, tensor({1, 0, 2.5, 0}, f64)));
  CHECK(array_equal(grad(sum(y * tensor({1, 2, 3, 4})), w), tensor({3, 1, 3}, f64)));
  CHECK_THROWS_AS(bincount(tensor({2, 0}), w), ShapeError);
}

}  // namespace
}  // namespace newtape
