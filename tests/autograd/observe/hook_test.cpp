// SPDX-License-Identifier: BSD-3-Clause
// Gradient hooks, and retained gradients of results.
#include "catch.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/arithmetic.hpp>

#include <string>
#include <vector>

using namespace newtape;

namespace {
std::vector<double> list(const Tensor& x) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < x.size(); ++i) out.push_back(select(reshape(x, {-1}), 0, i).item());
  return out;
}
using Numbers = std::vector<double>;

const Op product_op{"test.product"};
/// x w, whose pullbacks write down that they ran.
Tensor product(In x, In w, std::vector<std::string>& log) {
  const auto pullback = [&log](const char* name, In other) {
    return [&log, name, other = other.tensor()](const Tensor& g) {
      log.emplace_back(name);
      return g * other;
    };
  };
  return product_op(core::mul(x.value(), w.value()), wrt(x, pullback("x", w)), wrt(w, pullback("w", x)));
}
}  // namespace

TEST_CASE("hook: of a variable runs when its gradient is complete, before the pullbacks of results go on") {
  const auto x = variable(tensor({1, 2, 3}, f64));
  const auto w = variable(tensor({4, 5, 6}, f64));
  std::vector<std::string> log;
  w.register_hook([&](const Tensor&) {
    log.emplace_back("hook");
    return Tensor();
  });
  sum(product(product(2.0 * x, w, log), w, log)).backward();
  CHECK(log == std::vector<std::string>{"w", "x", "w", "hook", "x"});
  CHECK(list(w.grad()) == Numbers{16, 40, 72});  // of 2 x w^2
  CHECK(list(x.grad()) == Numbers{32, 50, 72});
}

TEST_CASE("hook: receives the complete gradient, once per sweep") {
  const auto x = variable(tensor({1, 2, 3}, f64));
  const Tensor y = x * x;
  std::vector<Numbers> seen;
  y.register_hook([&](const Tensor& g) {
    seen.push_back(list(g));
    return Tensor();
  });
  sum(y * 2.0 + exp(y) * 0.0 + y).backward({.retain_graph = true});
  REQUIRE(seen.size() == 1);  // three uses, one gradient
  CHECK(seen[0] == Numbers{3, 3, 3});
  CHECK(list(x.grad()) == Numbers{6, 12, 18});
  CHECK(list(grad(sum(y), x)) == Numbers{2, 4, 6});
  CHECK(seen.size() == 2);
}

TEST_CASE("hook: replaces the gradient") {
  const auto x = variable(tensor({1, 2, 3}, f64));
  SECTION("of a result") {
    const Tensor y = x * x;
    y.register_hook([](const Tensor& g) { return g * 10.0; });
    y.register_hook([](const Tensor& g) { return clip(g, 0.0, 7.0); });  // after the first
    sum(y).backward();
    CHECK(list(x.grad()) == Numbers{14, 28, 42});
  }
  SECTION("of a variable, before it is kept") {
    x.register_hook([](const Tensor& g) { return -g; });
    sum(x * x).backward();
    sum(x * x).backward();
    CHECK(list(x.grad()) == Numbers{-4, -8, -12});
    CHECK(list(grad(sum(x), x)) == Numbers{-1, -1, -1});
  }
  SECTION("of a parameter, whose value changes") {
    const Parameter p(tensor({1, 2}, f64));
    p.tensor().register_hook([](const Tensor& g) { return g * 0.5; });
    p.set_value(tensor({3, 4}, f64).value());
    sum(p * p).backward();
    CHECK(list(p.grad()) == Numbers{3, 4});
  }
  SECTION("in a way that differentiates") {
    const Tensor y = x * x;
    y.register_hook([&](const Tensor& g) { return g * x; });
    const Tensor g = grad(sum(y), x, {.create_graph = true});  // 2 x * x
    CHECK(list(grad(sum(g), x)) == Numbers{4, 8, 12});
  }
  SECTION("of a batch of cotangents") {
    const Tensor y = x * x;
    y.register_hook([](const Tensor& g) { return g * 2.0; });
    const Tensor g = grad(y, x, {.grad_outputs = {eye(3, f64)}});
    CHECK(list(g) == Numbers{4, 0, 0, 0, 8, 0, 0, 0, 12});
  }
}

TEST_CASE("hook: not called after removal") {
  const auto x = variable(tensor({1, 2}, f64));
  HookHandle handle = x.register_hook([](const Tensor& g) { return g * 3.0; });
  sum(x).backward();
  handle.remove();
  handle.remove();
  sum(x).backward();
  CHECK(list(x.grad()) == Numbers{4, 4});
  HookHandle().remove();
  HookHandle late;
  {
    const auto gone = variable(tensor({1}, f64));
    late = gone.register_hook([](const Tensor&) { return Tensor(); });
  }
  late.remove();
}

TEST_CASE("hook: a wrong result is an error that names the operation, and no gradient changes") {
  const auto x = variable(tensor({1, 2, 3}, f64));
  const Tensor y = tanh(x);
  const auto handle = y.register_hook([](const Tensor&) { return ones({2}, f64); });
  CHECK_THROWS_WITH(sum(y).backward(), contains("in a hook on tanh") && contains("[3]") && contains("[2]"));
  CHECK_FALSE(x.grad().defined());
  x.register_hook([](const Tensor& g) { return g.to(f32); });
  CHECK_THROWS_AS(sum(x).backward(), DTypeError);
  CHECK_THROWS_WITH(tensor(1.0).register_hook([](const Tensor& g) { return g; }), contains("constant"));
}

TEST_CASE("retain_grad: a result keeps its gradient as a variable does") {
  const auto x = variable(tensor({1, 2, 3}, f64));
  const Tensor y = x * x;
  CHECK_THROWS_WITH(y.grad(), contains("retain_grad"));
  y.retain_grad();
  y.retain_grad();
  x.retain_grad();  // a variable does anyway
  CHECK_FALSE(y.grad().defined());
  sum(y * y).backward({.retain_graph = true});
  CHECK(list(y.grad()) == Numbers{2, 8, 18});
  CHECK(list(x.grad()) == Numbers{4, 32, 108});
  sum(y).backward();
  CHECK(list(y.grad()) == Numbers{3, 9, 19});
  grad(sum(y * 1.0), y);  // does not change it
  CHECK(list(y.grad()) == Numbers{3, 9, 19});
  y.set_grad({});
  CHECK_FALSE(y.grad().defined());
  CHECK_THROWS_WITH(tensor(1.0).retain_grad(), contains("retain_grad") && contains("constant"));
  CHECK_THROWS_WITH(tensor(1.0).grad(), contains("constant"));
}
