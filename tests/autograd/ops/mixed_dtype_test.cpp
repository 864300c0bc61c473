// SPDX-License-Identifier: BSD-3-Clause
// Operands of different dtypes.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/tape.hpp>

namespace newtape {
namespace {

const std::vector<Tensor (*)(In, In)> arithmetic_of_two{operator+, operator-, operator*,    operator/,
                                                        pow,       hypot,     maximum,      minimum,
                                                        remainder, fmod,      floor_divide, atan2};
const std::vector<Tensor (*)(In, In)>
    comparisons_of_two{operator==, operator!=, operator<, operator<=, operator>, operator>= };

TEST_CASE("i64 and booleans take the dtype of a float") {
  const Tensor integers = tensor({1, 2, 3});
  const Tensor flags = tensor({true, true, false});
  for (const DType dtype : {f32, f64}) {
    const Tensor x = tensor({0.5, 2, 4}, dtype);
    for (const Tensor& other : {integers, flags}) {
      INFO(name(dtype) << " and " << name(other.dtype()));
      for (const auto f : arithmetic_of_two) {
        if (f != floor_divide && f != remainder && f != fmod) CHECK(array_equal(f(x, other), f(x, other.to(dtype))));
        CHECK(array_equal(f(other, x), f(other.to(dtype), x)));
        CHECK(f(other, x).dtype() == dtype);
      }
      for (const auto f : comparisons_of_two) CHECK(array_equal(f(x, other), f(x, other.to(dtype))));
      CHECK(where(flags, x, other).dtype() == dtype);
      CHECK(matmul(x, other).dtype() == dtype);
      CHECK(clip(x, other, 5).dtype() == dtype);
    }
  }
  CHECK(array_equal(integers + flags, tensor({2, 3, 3})));
}

TEST_CASE("a number that is a float makes a float of an i64 or boolean tensor") {
  const Tensor n = tensor({1, 2});
  CHECK(array_equal(n * 2, tensor({2, 4})));
  CHECK(array_equal(n * 2.0, tensor({2.0, 4})));
  CHECK(array_equal(0.5 - n, tensor({-0.5, -1.5})));
  CHECK(array_equal((n == 1) * 2, tensor({2, 0})));
  CHECK(array_equal((n == 1) * 0.5, tensor({0.5, 0})));
  CHECK(array_equal(n + true, tensor({2, 3})));
  CHECK(array_equal(tensor({0.5F, 1}) * 2.0, tensor({1.0, 2})));
  CHECK((tensor({1.0}, f64) * 2.5F).dtype() == f64);
  CHECK(where(n == 1, 1.0, 0.0).dtype() == f32);
  CHECK(where(n == 1, 1, 0).dtype() == i64);
}

TEST_CASE("functions of floats take integers as f32") {
  const Tensor n = tensor({1, 4});
  CHECK(array_equal(sqrt(n), tensor({1.0, 2})));
  CHECK(array_equal(n / 2, tensor({0.5, 2})));
  CHECK(array_equal(n / tensor({4, 8}), tensor({0.25, 0.5})));
  CHECK(array_equal(exp(n > 2), exp(tensor({0.0, 1}))));
  CHECK(array_equal(floor(n), n));
  CHECK_FALSE(any(isnan(n)).item<bool>());
  CHECK_THROWS_AS((n > 2) + (n > 2), DTypeError);
}

TEST_CASE("two float dtypes do not mix") {
  for (const auto f : arithmetic_of_two) CHECK_THROWS_AS(f(tensor({1.0}), tensor({1.0}, f64)), DTypeError);
  for (const auto f : comparisons_of_two) CHECK_THROWS_AS(f(tensor({1.0}), tensor({1.0}, f64)), DTypeError);
}

TEST_CASE("gradients through mixed operands have the dtype of the variable") {
  const Tensor x = variable(tensor({1.0, 2, 3}, f64));
  const Tensor y = sum(x * tensor({1, 2, 3}) * (x > 1) + pow(x, tensor({2, 2, 2})));
  const Tensor g = grad(y, x);
  CHECK(g.dtype() == f64);
  CHECK(array_equal(g, tensor({2, 6, 9}, f64)));
}

TEST_CASE("the mean of booleans and integers is f32") {
  CHECK(array_equal(mean(tensor({1.0, 2, 3, 4}) == tensor({1, 0, 3, 0})), tensor(0.5)));
  CHECK(array_equal(mean(tensor({{1, 2}, {4, 4}}), 1), tensor({1.5, 4})));
  CHECK(mean(tensor({1, 2}), f64).dtype() == f64);
  CHECK(mean(full({3}, 16777217, i64)).item() == static_cast<double>(16777217.0F));
  CHECK_THROWS_AS(mean(zeros({0}, i64)), ValueError);
}

TEST_CASE("sums and softmax in another dtype") {
  const Tensor x = variable(full({3}, 16777216.0 / 3 + 1));
  CHECK(sum(x, f64).dtype() == f64);
  CHECK(array_equal(sum(tensor({1, 2}), f32), tensor(3.0)));
  CHECK(array_equal(sum(tensor({{1, 2}, {3, 4}}), 0, true, f64), tensor({{4, 6}}, f64)));
  CHECK(array_equal(prod(tensor({2, 3}), f32), tensor(6.0)));
  CHECK(array_equal(cumsum(tensor({2, 3}), 0, f64), tensor({2, 5}, f64)));
  CHECK(allclose(softmax(tensor({1, 1}), -1, f64), tensor({0.5, 0.5}, f64)));
  CHECK(log_softmax(tensor({1, 1}), 0, f32).dtype() == f32);
  CHECK(grad(sum(x, f64), x).dtype() == f32);
}

}  // namespace
}  // namespace newtape
