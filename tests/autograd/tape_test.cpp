// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <cmath>

using namespace newtape;

namespace {

Tensor scalar(double x) { return variable(tensor(x, f64)); }
Tensor vector(std::initializer_list<double> x) { return variable(tensor(x, f64)); }

std::string place(unsigned line) { return "tape_test.cpp:" + std::to_string(line); }

/// The message of the E that f throws.
template <class E, class F>
std::string message(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_CASE("tape: a chain of a million operations") {
  const Tensor x = scalar(2);
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y * (i % 2 == 0 ? 2.0 : 0.5);
  SECTION("backward, then destroyed") {
    y.backward();
    CHECK(x.grad().item() == 1);
    CHECK(y.item() == 2);
  }
  SECTION("destroyed with its graph") { y = Tensor(); }
  SECTION("destroyed as the gradient's graph") {
    // A shorter chain: the sweep records a graph several times as long.
    Tensor z = x;
    for (int i = 0; i < 100'000; ++i) z = sin(z);
    Tensor g = grad(z, x, {.create_graph = true});
    CHECK(g.requires_grad());
    g = Tensor();
  }
}

TEST_CASE("tape: paths that branch and join") {
  const Tensor x = scalar(0.7);
  SECTION("a diamond") {
    const Tensor z = x * x;
    const Tensor y = sin(z) * exp(z) + z;
    // y' = (cos z e^z + sin z e^z + 1) 2x
    const double v = 0.7 * 0.7;
    CHECK(grad(y, x).item() ==
          Approx((std::cos(v) * std::exp(v) + std::sin(v) * std::exp(v) + 1) * 1.4).epsilon(1e-14));
  }
  SECTION("exponentially many paths") {
    Tensor y = x;
    for (int i = 0; i < 60; ++i) y = y + y;
    CHECK(grad(y, x).item() == std::ldexp(1.0, 60));
  }
  SECTION("an early tensor used late") {
    Tensor y = x * 2.0;
    const Tensor early = y;
    for (int i = 0; i < 10; ++i) y = sin(y) + early;
    double value = 1.4;
    double slope = 2;
    for (int i = 0; i < 10; ++i) {
      slope = std::cos(value) * slope + 2;
      value = std::sin(value) + 1.4;
    }
    CHECK(grad(y, x).item() == Approx(slope).epsilon(1e-13));
  }
}

TEST_CASE("tape: the same tensor as both operands") {
  const Tensor x = scalar(3);
  CHECK(grad(x * x, x).item() == 6);
  CHECK(grad(x - x, x).item() == 0);
  CHECK(grad(x / x, x).item() == Approx(0).margin(1e-16));
  CHECK(grad(pow(x, x), x).item() == Approx(27 * (std::log(3.0) + 1)).epsilon(1e-14));
  const Tensor m = variable(tensor({{1, 2}, {3, 4}}, f64));
  // d sum(M M) / dM_ij = (row sum of M at j) + (column sum of M at i)
  const Tensor g = grad(sum(matmul(m, m)), m);
  CHECK(all(g == tensor({{3 + 4, 7 + 4}, {3 + 6, 7 + 6}}, f64)).item<bool>());
}

TEST_CASE("tape: gradients of intermediate results") {
  const Tensor x = scalar(2);
  const Tensor h = x * x;
  const Tensor y = h * h * h;
  const auto g = grad(y, {h, x, y});
  CHECK(g[0].item() == 3 * 16);
  CHECK(g[1].item() == 3 * 16 * 4);
  CHECK(g[2].item() == 1);
}

TEST_CASE("tape: several outputs, weighted") {
  const Tensor x = vector({1, 2, 3});
  const std::vector<Tensor> outputs{x * x, sum(x), x};
  const std::vector<Tensor> inputs{x};
  const auto g =
      grad(outputs, inputs, {.grad_outputs = {tensor({1, 0, 1}, f64), tensor(10, f64), tensor({5, 5, 5}, f64)}});
  CHECK(all(g[0] == tensor({17, 15, 21}, f64)).item<bool>());
}

TEST_CASE("tape: unused inputs") {
  const Tensor x = vector({1, 2});
  const Tensor unused = variable(tensor({{1, 2, 3}}, f32));
  const Tensor y = sum(x);
  CHECK_THAT(message<ValueError>([&] { grad(y, {x, unused}, {.retain_graph = true}); }), contains("[1, 3]"));
  const auto g = grad(y, {x, unused}, {.allow_unused = true});
  CHECK(g[1].shape() == Shape{1, 3});
  CHECK(g[1].dtype() == f32);
  CHECK(sum(abs(g[1])).item() == 0);
}

TEST_CASE("tape: a graph is released by backward unless it is retained") {
  const Tensor x = scalar(2);
  const unsigned line = __LINE__ + 1;
  const Tensor h = exp(x);
  const Tensor y = h * x;
  SECTION("released") {
    y.backward();
    const std::string text = message<ValueError>([&] { sum(h).backward(); });
    CHECK_THAT(text, contains("released"));
    CHECK_THAT(text, contains("exp"));
    CHECK_THAT(text, contains(place(line)));
  }
  SECTION("by grad too") {
    grad(y, x);
    CHECK_THROWS_AS(grad(y, x), ValueError);
  }
  SECTION("retained") {
    y.backward({.retain_graph = true});
    y.backward();
    CHECK(x.grad().item() == Approx(2 * std::exp(2.0) * 3));
    CHECK_THROWS_AS(y.backward(), ValueError);
  }
  SECTION("create_graph retains") {
    const Tensor g = grad(y, x, {.create_graph = true});
    CHECK(g.item() == Approx(std::exp(2.0) * 3));
    y.backward();
  }
}

TEST_CASE("tape: gradients of gradients") {
  const Tensor x = scalar(1.5);
  Tensor y = x * x * x * x;
  const double want[] = {4 * 1.5 * 1.5 * 1.5, 12 * 1.5 * 1.5, 24 * 1.5, 24, 0};
  for (int order = 0; order < 4; ++order) {
    y = grad(y, x, {.create_graph = true});
    CHECK(y.item() == Approx(want[order]).epsilon(1e-14));
  }
  SECTION("without create_graph the result is a constant") {
    const Tensor z = x * x;
    CHECK_FALSE(grad(z, x).requires_grad());
  }
  SECTION("backward with create_graph leaves a gradient that can be differentiated") {
    const Tensor v = scalar(3);
    const Tensor z = v * v * v;
    z.backward({.create_graph = true});
    const Tensor first = v.grad();
    CHECK(first.item() == 27);
    CHECK(grad(first, v).item() == 18);
    v.set_grad({});  // breaks the reference cycle with v
  }
}

TEST_CASE("tape: invalid inputs of backward and grad raise errors") {
  const Tensor c = tensor({1, 2}, f64);
  const Tensor x = vector({1, 2});
  CHECK_THAT(message<ValueError>([&] { sum(c).backward(); }), contains("constant"));
  CHECK_THAT(message<ValueError>([&] { grad(sum(x), c); }), contains("constant"));
  CHECK_THAT(message<ValueError>([&] { grad(sum(c), x); }), contains("constant"));
  CHECK_THAT(message<ShapeError>([&] { (x * x).backward(); }), contains("[2]"));
  CHECK_THAT(message<ValueError>([&] { c.grad(); }), contains("constant"));
  CHECK_THAT(message<ValueError>([&] { (x * x).grad(); }), contains("operation"));
  CHECK_THAT(message<DTypeError>([&] { variable(arange(3)); }), contains("i64"));
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("tape: cotangents must have matching shapes and dtypes") {
  const Tensor x = vector({1, 2, 3});
  const Tensor y = x * x;
  const auto refused = [&](const Tensor& g) { y.backward({.gradient = g, .retain_graph = true}); };
  CHECK_THAT(message<ShapeError>([&] { refused(tensor({1, 2}, f64)); }), contains("[2]"));
  CHECK_THROWS_AS(refused(tensor(1, f64)), ShapeError);
  CHECK_THROWS_AS(refused(ones({2, 3}, f64)), ShapeError);  // a batch is for grad
  CHECK_THAT(message<DTypeError>([&] { refused(tensor({1.0, 2, 3})); }), contains("f32"));
  CHECK_THROWS_AS(grad(y, x, {.grad_outputs = {ones({3}, f64), ones({3}, f64)}}), ValueError);
  CHECK_THROWS_AS(grad(y, x, {.grad_outputs = {ones({2, 2}, f64)}}), ShapeError);
  CHECK_FALSE(x.grad().defined());
  refused(ones({3}, f64));
  CHECK(all(x.grad() == tensor({2, 4, 6}, f64)).item<bool>());
}

TEST_CASE("tape: recording can be switched off for a scope") {
  const Tensor x = scalar(2);
  CHECK(grad_enabled());
  {
    const NoGrad off;
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((x * x).requires_grad());
    {
      const GradMode on(true);
      CHECK((x * x).requires_grad());
    }
    CHECK_FALSE(grad_enabled());
  }
  CHECK(grad_enabled());
  try {
    const NoGrad off;
    throw 1;
  } catch (int) {
  }
  CHECK(grad_enabled());
  CHECK_THROWS_AS(grad(x * x, x, {.grad_outputs = {tensor(1.0)}}), DTypeError);
  CHECK(grad_enabled());
}

TEST_CASE("tape: detached values are constants") {
  const Tensor x = scalar(3);
  const Tensor y = x * x;
  CHECK_FALSE(y.detach().requires_grad());
  CHECK(y.detach().value().shares_memory_with(y.value()));
  CHECK(grad(y.detach() * x, x).item() == 9);
}

TEST_CASE("tape: copies of a variable share its gradient, which accumulates") {
  const Tensor x = scalar(3);
  const Tensor copy = x;
  CHECK_FALSE(copy.grad().defined());
  (x * x).backward();
  CHECK(copy.grad().item() == 6);
  (copy * 2.0).backward();
  CHECK(x.grad().item() == 8);
  const Tensor before = x.grad();
  x.backward();
  CHECK(x.grad().item() == 9);
  CHECK(before.item() == 8);  // a shared gradient is not overwritten
  copy.set_grad(tensor(-1, f64));
  CHECK(x.grad().item() == -1);
  x.set_grad({});
  CHECK_FALSE(copy.grad().defined());
  CHECK_THROWS_AS(x.set_grad(ones({2}, f64)), ShapeError);
  // grad() does not store gradients.
  grad(x * x, x);
  CHECK_FALSE(x.grad().defined());
  // Another variable of the same value is another variable.
  const Tensor other = variable(x);
  (other * x).backward();
  CHECK(other.grad().item() == 3);
  CHECK(x.grad().item() == 3);
}

TEST_CASE("tape: gradients of broadcast operands are summed, in their own dtype") {
  const Tensor a = variable(zeros({2, 1, 3}));
  const Tensor b = variable(zeros({4, 1}));
  const Tensor c = variable(zeros({}));
  sum(a + b + c).backward();
  CHECK(a.grad().shape() == Shape{2, 1, 3});
  CHECK(all(a.grad() == 4.0).item<bool>());
  CHECK(b.grad().shape() == Shape{4, 1});
  CHECK(all(b.grad() == 6.0).item<bool>());
  CHECK(c.grad().item() == 24);
  const Tensor x = variable(tensor({1, 2}, f32));
  sum(x.to(f64) * tensor({3, 4}, f64)).backward();
  CHECK(x.grad().dtype() == f32);
  CHECK(all(x.grad() == tensor({3.0, 4})).item<bool>());
}

static const Op refuse_op{"test.refuse"};

TEST_CASE("tape: an error inside a pullback names the operation, and changes no gradient") {
  const Tensor x = vector({1, 2});
  const Tensor z = vector({1, 2});
  sum(x * 3.0).backward();
  const auto refuse = [](In in, auto thrower) {
    return refuse_op(in.value(), wrt(in, [thrower](const Tensor& g) -> Tensor {
                       thrower();
                       return g;
                     }));
  };
  const auto check = [&](auto thrower, auto type) {
    using E = decltype(type);
    const unsigned line = __LINE__ + 1;
    const Tensor y = sum(z) + sum(refuse(x, thrower));
    const std::string text = message<E>([&] { y.backward(); });
    CHECK_THAT(text, contains("the pullback's own words"));
    CHECK_THAT(text, contains("test.refuse"));
    CHECK_THAT(text, contains(place(line)));
    CHECK(all(x.grad() == 3.0).item<bool>());
    CHECK_FALSE(z.grad().defined());
    CHECK(grad_enabled());
  };
  check([] { raise<ValueError>("the pullback's own words"); }, ValueError(""));
  check([] { raise<ShapeError>("the pullback's own words"); }, ShapeError(""));
  check([] { raise<DTypeError>("the pullback's own words"); }, DTypeError(""));
  check([] { raise<NumericalError>("the pullback's own words"); }, NumericalError(""));
}

TEST_CASE("tape: destroyed graphs free their memory") {
  const auto work = [](bool create) {
    const Tensor x = variable(ones({50, 20}, f64));
    const Tensor w = variable(full({20, 30}, 0.1, f64));
    Tensor y = tanh(matmul(x, w));
    y = softmax(y) * sigmoid(y) + logsumexp(y, -1, true);
    y = sum(max(y, 0) + prod(slice(y, 0, 0, 3), 0));
    if (create) {
      const auto g = grad(y, {x, w}, {.create_graph = true});
      const Tensor second = sum(g[0] * g[0]) + sum(tanh(g[1]));
      grad(second, {x, w}, {.create_graph = true});
      y.backward({.retain_graph = true});
      second.backward();
    } else {
      y.backward({.retain_graph = true});
    }
  };
  work(true);  // one-time allocations
  const auto before = allocator::stats().live_bytes;
  work(false);
  CHECK(allocator::stats().live_bytes == before);
  work(true);
  CHECK(allocator::stats().live_bytes == before);
}

TEST_CASE("tape: backward frees saved values while the result stays alive") {
  const Tensor x = variable(ones({1000}, f64));
  const auto before = allocator::stats().live_bytes;
  Tensor y = sum(exp(sin(x)));
  const auto recorded = allocator::stats().live_bytes - before;
  CHECK(recorded > 8000);  // the saved result of exp
  y.backward();
  CHECK(allocator::stats().live_bytes - before < 8000 + 4000);  // the gradient, and nodes without saved values
  x.set_grad({});
  CHECK(allocator::stats().live_bytes - before < 4000);
}

TEST_CASE("tape: a gradient with respect to a result does not need its history") {
  const auto x = variable(tensor({1, 2}, f64));
  const Tensor y = x * x;
  CHECK(sum(abs(grad(sum(y * y), y) - 2 * y)).item() == 0);  // does not release y's own graph
  sum(y).backward();
  CHECK(sum(abs(grad(sum(y * y), y) - 2 * y)).item() == 0);  // works without it
  CHECK_THROWS_WITH(grad(sum(y * y), x), contains("released"));
}
