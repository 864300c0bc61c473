// SPDX-License-Identifier: BSD-3-Clause
// Numbers and undefined tensors as operands.
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>

#include <type_traits>
#include <utility>

namespace newtape {
namespace {

TEST_CASE("a number where an operation takes a tensor is a tensor without axes") {
  CHECK(sqrt(64).item() == 8);
  CHECK(sqrt(64).shape().empty());
  CHECK(relu(2.0).item() == 2);
  CHECK(sum(3).item() == 3);
  CHECK(reshape(1, {1, 1}).shape() == Shape{1, 1});
  CHECK(exp(0).dtype() == f32);
  CHECK(softmax(1.).item() == 1);
  CHECK_THROWS_AS(linalg::inv(2), ShapeError);
  CHECK_THROWS_AS(linalg::svd(2), ShapeError);
}

TEST_CASE("an undefined tensor is an error, with the line of the call") {
  const Tensor x = tensor({1.0, 2});
  const Tensor u;
  const auto undefined = [](auto&& f) {
    CHECK_THROWS_AS(f(), ValueError);
    CHECK_THROWS_WITH(f(), contains("an operand is undefined"));
  };
  undefined([&] { return u * x; });
  undefined([&] { return x / u; });
  undefined([&] { return pow(x, u); });
  undefined([&] { return where(x > 0, u, x); });
  undefined([&] { return exp(u); });
  undefined([&] { return stack({x, u}); });
  undefined([&] { return u.shape(); });
  undefined([&] { return u.dtype(); });
  undefined([&] { return u.item(); });
  undefined([&] { return u[0]; });
  undefined([&] { return linalg::norm(variable(x).grad()); });
  undefined([&] { return Parameter().tensor(); });
  undefined([&] { return Parameter().grad(); });
  undefined([&] { return Parameter() + 1; });
  CHECK_THROWS_WITH(exp(u), contains("ill_typed_test.cpp:"));
}

TEST_CASE("a part of a tensor is not assigned to") {
  static_assert(!std::is_assignable_v<decltype(std::declval<const Tensor&>()[0]), Tensor>);
  static_assert(!std::is_assignable_v<Tensor&&, const Tensor&>);
  static_assert(std::is_assignable_v<Tensor&, Tensor>);
  Tensor x = tensor({1.0, 2});
  x = x[0];
  CHECK(x.item() == 1);
}

TEST_CASE("parameters are indexed as tensors are") {
  const Parameter p(tensor({{1.0, 2}, {3, 4}}));
  CHECK(p[1][0].item() == 3);
  CHECK(p[{1, 1}].item() == 4);
  CHECK(p.ndim() == 2);
  CHECK(p.shape(-1) == 2);
}

}  // namespace
}  // namespace newtape
