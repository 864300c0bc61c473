// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/format.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/core/xtensor.hpp>

#include <cmath>

using namespace newtape;

TEST_CASE("in: a number takes the dtype of the other operand") {
  for (const DType dtype : {f32, f64, i64}) {
    const Tensor x = ones({2}, dtype);
    CHECK((x + 1).dtype() == dtype);
    CHECK((2 * x).dtype() == dtype);
    CHECK((x - 3.0).dtype() == (dtype == i64 ? f32 : dtype));
    CHECK((x < 2.0f).dtype() == boolean);
    CHECK(maximum(x, 2).dtype() == dtype);
    CHECK(where(x > 0, x, 7).dtype() == dtype);
  }
  const Tensor narrow = tensor(1.0, f32);
  CHECK((narrow * 0.1).item() == static_cast<double>(0.1f));
  CHECK((tensor(1.0, f64) * 0.1).item() == 0.1);
  CHECK_THROWS_AS(scatter(arange(3), 0, arange(1), 0.5), DTypeError);
  CHECK_THROWS_WITH(scatter(arange(3), 0, arange(1), 0.5),
                    contains("scatter") && contains("0.5") && contains("i64") && contains("in_test.cpp:"));
}

TEST_CASE("in: float dtypes do not mix silently") {
  const Tensor a = ones({2}, f32);
  const Tensor b = ones({3, 2}, f64);
  CHECK_THROWS_AS(a + b, DTypeError);
  CHECK_THROWS_WITH(a + b, contains("add") && contains("f32 [2]") && contains("f64 [3, 2]") && contains("to(dtype)"));
  CHECK_THROWS_AS(matmul(a, b), DTypeError);
  CHECK((a.to(f64) + b).dtype() == f64);
}

TEST_CASE("in: arrays, parameters and copies of them are operands") {
  const Array array(xt::xarray<double>{1, 2});
  const Parameter p(array);
  const Tensor y = sum(p * array + Array(xt::xarray<double>{3, 4}));
  CHECK(y.item() == 12);
  y.backward();
  CHECK(all(p.grad() == Tensor(array)).item<bool>());
}

TEST_CASE("in: a temporary gives its memory to the result") {
  Tensor x = Tensor(Array(xt::xarray<double>{0.5, 1, 2}));
  const void* memory = x.value().raw();
  SECTION("constants") {
    const Tensor y = exp(std::move(x));
    CHECK(y.value().raw() == memory);
    CHECK(y.value().data<double>()[1] == Approx(std::exp(1.0)));
  }
  SECTION("either operand") {
    const Tensor c = Tensor(Array(xt::xarray<double>{1, 1, 1}));
    Tensor y = c - std::move(x);
    CHECK(y.value().raw() == memory);
    y = std::move(y) + c;
    CHECK(y.value().raw() == memory);
    CHECK(y.value().data<double>()[2] == 0);
  }
  SECTION("but not when the result is larger") {
    const Tensor y = std::move(x) + zeros({2, 3}, f64);
    CHECK(y.value().raw() != memory);
    CHECK(y.value().data<double>()[5] == 2);
  }
  SECTION("results of operations that no pullback saves") {
    const Tensor v = variable(x);
    Tensor y = v + v;
    const void* sum_memory = y.value().raw();
    y = exp(std::move(y));
    CHECK(y.value().raw() == sum_memory);
    CHECK(all(grad(y, v, {.grad_outputs = {ones({3}, f64)}}) == 2.0 * exp(v + v)).item<bool>());
  }
}

TEST_CASE("in: a temporary keeps its memory when that is shared") {
  const Array array(xt::xarray<double>{0.5, 1, 2});
  const auto untouched = [&] {
    CHECK(array.data<double>()[0] == 0.5);
    CHECK(array.data<double>()[2] == 2);
  };
  SECTION("a named array") {
    exp(Tensor(array));
    exp(array);
    untouched();
  }
  SECTION("a view as the temporary") {
    exp(reshape(array, {3, 1}));
    -slice(array, 0, 1, 3);
    sqrt(expand(array, {2, 3}));
    untouched();
  }
  SECTION("a result that a pullback saved") {
    const Tensor x = variable(array);
    Tensor y = exp(x);  // its pullback needs the result
    y = -std::move(y);
    y = exp(std::move(y));
    // d exp(-exp(x)) = -exp(x) exp(-exp(x))
    const Tensor g = grad(y, x, {.grad_outputs = {ones({3}, f64)}});
    CHECK(g.value().data<double>()[1] == Approx(-std::exp(1.0) * std::exp(-std::exp(1.0))).epsilon(1e-14));
    untouched();
  }
  SECTION("an operand that a pullback saved") {
    const Tensor x = variable(array);
    Tensor h = x + 1.0;
    Tensor y = h * h;  // saves h twice
    h = sqrt(std::move(h));
    const Tensor g = grad(sum(y) + sum(h), x);
    CHECK(g.value().data<double>()[0] == Approx(2 * 1.5 + 0.5 / std::sqrt(1.5)).epsilon(1e-14));
  }
  SECTION("a cotangent that goes to two operands") {
    const Tensor a = variable(array);
    const Tensor b = variable(array);
    const Tensor w = ones({3}, f64);
    // Both get the same cotangent: neither may overwrite it.
    const auto g = grad(tanh(a) + tanh(b * 2.0), {a, b}, {.grad_outputs = {w}});
    CHECK(g[0].value().data<double>()[0] == Approx(1 / std::pow(std::cosh(0.5), 2)).epsilon(1e-14));
    CHECK(g[1].value().data<double>()[0] == Approx(2 / std::pow(std::cosh(1.0), 2)).epsilon(1e-14));
    CHECK(all(w == 1.0).item<bool>());
  }
}

static const Op keep_op{"test.keep"};

TEST_CASE("in: a copy owns its tensor") {
  Tensor y;
  const Tensor x = variable(tensor({1, 2}, f64));
  {
    const Tensor h = x * 3.0;
    const In in = h;
    y = keep_op(in.value(), wrt(in, [in](const Tensor& g) { return g * in; }));
  }
  CHECK(all(grad(y, x, {.grad_outputs = {ones({2}, f64)}}) == tensor({9, 18}, f64)).item<bool>());
}

TEST_CASE("tensors and parameters print as their arrays do") {
  const Tensor x = tensor({1, 2.5});
  CHECK(fmt::format("{}", x) == "[1.  2.5]");
  CHECK(fmt::format("{:.1}", Parameter(tensor({0.25, 1}))) == fmt::format("{:.1}", tensor({0.25, 1}).value()));
}
