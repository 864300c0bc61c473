// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/core/kernels/named_kernels.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/xtensor.hpp>

#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace newtape;

namespace {
std::vector<double> numbers(const Array& x) {
  const Array y = core::contiguous(core::cast(x, f64));
  return {y.data<double>(), y.data<double>() + y.size()};
}
using V = std::vector<double>;
}  // namespace

TEST_CASE("operators: arrays and numbers, broadcast, in the dtype of the array") {
  const Array a(xt::xarray<float>{1, 2, 4});
  const Array b(xt::xarray<float>{2});
  CHECK(numbers(a + b) == V{3, 4, 6});
  CHECK(numbers(a - b) == V{-1, 0, 2});
  CHECK(numbers(a * b) == V{2, 4, 8});
  CHECK(numbers(b / a) == V{2, 1, 0.5});
  CHECK(numbers(-a) == V{-1, -2, -4});
  CHECK(numbers(a + 1) == V{2, 3, 5});
  CHECK(numbers(a - 1) == V{0, 1, 3});
  CHECK(numbers(a * 0.5) == V{0.5, 1, 2});
  CHECK(numbers(a / 2) == V{0.5, 1, 2});
  CHECK(numbers(1 + a) == V{2, 3, 5});
  CHECK(numbers(1 - a) == V{0, -1, -3});
  CHECK(numbers(0.5 * a) == V{0.5, 1, 2});
  CHECK(numbers(4 / a) == V{4, 2, 1});
  CHECK((0.1 * a).dtype() == f32);

  const Array whole(xt::xarray<std::int64_t>{3, 5});
  CHECK((whole * 2).dtype() == i64);
  CHECK(numbers(1 - whole * 2) == V{-5, -9});
  CHECK_THROWS_AS(whole * 0.5, DTypeError);
  CHECK_THROWS_AS(whole + a, DTypeError);
}

TEST_CASE("operators: a moved operand gives its memory to the result") {
  Array a = core::ones({100}, f64);
  const void* const memory = a.raw();
  const Array y = 3 - std::move(a) * 2.0;
  CHECK(y.raw() == memory);
  CHECK(numbers(y) == V(100, 1));
}

TEST_CASE("messages: describe, expect_floating, epsilon") {
  CHECK(describe(core::zeros({2, 3}, f32)) == "f32 [2, 3]");
  CHECK(epsilon(f32) == std::numeric_limits<float>::epsilon());
  CHECK(epsilon(f64) == std::numeric_limits<double>::epsilon());
  CHECK_NOTHROW(expect_floating("f", core::zeros({2}, f64)));
  CHECK_THROWS_WITH(expect_floating("f", core::zeros({2}, i64)),
                    contains("f: the dtype must be a float") && contains("i64 [2]"));
}

TEST_CASE("kernels are found by name") {
  CHECK(core::kernels::find_kernels("erf").of[0] != nullptr);
  CHECK(&core::kernels::kernels_of<"erf">() == &core::kernels::find_kernels("erf"));
  CHECK_THROWS_AS(core::kernels::find_kernels("no such kernel"), std::logic_error);
}
