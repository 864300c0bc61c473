// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/xtensor.hpp>

using namespace newtape;

namespace {
/// A parameter with unshared memory.
Parameter fresh() { return Parameter(Array(xt::xarray<double>({1, 2, 3}))); }
void put(const Parameter& p, double x) { p.writable().data<double>()[0] = x; }
}  // namespace

TEST_CASE("parameter: copies share one cell") {
  const Parameter p = fresh();
  const Parameter q = p;
  CHECK(p == q);
  CHECK_FALSE(p == fresh());
  CHECK_FALSE(Parameter().defined());
  put(p, 7);
  CHECK(q.value().data<double>()[0] == 7);
  sum(p * p).backward();
  CHECK(q.grad().value().data<double>()[0] == 14);
  q.zero_grad();
  CHECK_FALSE(p.grad().defined());
}

TEST_CASE("parameter: written in place when nothing else holds the memory") {
  const Parameter p = fresh();
  const void* memory = p.value().raw();
  put(p, 5);
  CHECK(p.value().raw() == memory);
  sum(p * p).backward();  // the graph is destroyed
  put(p, 6);
  CHECK(p.value().raw() == memory);
  const Tensor y = sum(p * p);
  y.backward();  // the graph exists, but its saved values are released
  put(p, 7);
  CHECK(p.value().raw() == memory);
}

TEST_CASE("parameter: written to new memory when the old is shared") {
  const Parameter p = fresh();
  const void* memory = p.value().raw();
  SECTION("a graph that saved the value") {
    const Tensor y = sum(p * p);
    put(p, 100);
    CHECK(p.value().raw() != memory);
    y.backward();
    CHECK(p.grad().value().data<double>()[0] == 2);  // at the value with which y was computed
    CHECK(p.value().data<double>()[0] == 100);
  }
  SECTION("a copy of the tensor") {
    const Tensor copy = p;
    put(p, 100);
    CHECK(copy.value().data<double>()[0] == 1);
    CHECK(copy.node().get() == p.tensor().node().get());  // the same variable
  }
  SECTION("a copy of the array, and a view of it") {
    const Array array = p.value();
    put(p, 100);
    CHECK(array.data<double>()[0] == 1);
    const Tensor view = slice(p, 0, 0, 2).detach();
    put(p, 200);
    CHECK(view.value().data<double>()[0] == 100);
  }
}

TEST_CASE("parameter: gradients before and after a write accumulate in the same cell") {
  const Parameter p = fresh();
  const Tensor before = sum(p * p);
  put(p, 10);
  const Tensor after = sum(p * p);
  before.backward();
  after.backward();
  CHECK(p.grad().value().data<double>()[0] == 2 + 20);
}

TEST_CASE("parameter: new values") {
  const Parameter p = fresh();
  sum(p).backward();
  p.set_value(Array(xt::xarray<double>({4, 5, 6})));
  CHECK(p.value().data<double>()[2] == 6);
  CHECK(p.grad().defined());
  CHECK_THROWS_AS(p.set_value(Array(xt::xarray<double>({4, 5}))), ShapeError);
  CHECK_THROWS_AS(p.set_value(Array(xt::xarray<float>({4, 5, 6}))), DTypeError);
  CHECK(p.value().data<double>()[0] == 4);
}

TEST_CASE("parameter: frozen, it is a constant") {
  const Parameter p = fresh();
  sum(p * 2.0).backward();
  p.requires_grad(false);
  CHECK_FALSE(p.requires_grad());
  CHECK_FALSE((p * 2.0).requires_grad());
  CHECK_FALSE(p.grad().defined());
  p.zero_grad();
  put(p, 9);
  CHECK(p.value().data<double>()[0] == 9);
  p.requires_grad(true);
  CHECK_FALSE(p.grad().defined());
  sum(p * 3.0).backward();
  CHECK(p.grad().value().data<double>()[1] == 3);
}

TEST_CASE("parameter: converted to another dtype") {
  const Parameter p = fresh();
  sum(p).backward();
  p.to(f32);
  CHECK(p.dtype() == f32);
  CHECK(p.requires_grad());
  CHECK_FALSE(p.grad().defined());
  CHECK(p.value().data<float>()[2] == 3);
  p.requires_grad(false);
  p.to(f64);
  CHECK_FALSE(p.requires_grad());
}

TEST_CASE("parameter: exchanged for a tensor of another graph") {
  const Parameter p = fresh();
  const Tensor t = variable(tensor(2, f64));
  const Tensor own = p.exchange(t * tensor({1, 1, 1}, f64));
  const Tensor y = sum(p * p);
  p.exchange(own);
  CHECK(grad(y, t).item() == 12);
  CHECK(p.value().data<double>()[2] == 3);
  CHECK(p.tensor().is_leaf());
}
