// SPDX-License-Identifier: BSD-3-Clause
// Layer observers: the outer products of the rows must sum to the gradients of the sweep.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/recurrent.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/conv.hpp>
#include <newtape/core/runtime/random.hpp>

#include <vector>

using namespace newtape;

namespace {

struct Seen : LayerObserver {
  using LayerObserver::LayerObserver;
  struct Pass {
    const detail::Node *weight, *bias;
    Tensor input, grad;
    bool transposed, conv;
    core::ConvGeometry geometry;
    const detail::Node* leaf;
    bool leaf_transposed;
    std::vector<const detail::Node*> bias_leaves;
  };
  std::vector<Pass> passes;
  void on_layer_pass(const LayerPass& p) override {
    passes.push_back({p.weight, p.bias, p.input, p.grad, p.transposed, p.conv != nullptr,
                      p.conv != nullptr ? *p.conv : core::ConvGeometry(), p.leaf, p.leaf_transposed, p.bias_leaves});
  }
};

Tensor rows(const Tensor& x) { return reshape(x, {-1, x.shape().back()}); }
/// The gradient of a weight [m, k] from the observed rows.
Tensor outer_products(const Seen::Pass& p) { return matmul(transpose(rows(p.grad)), rows(p.input)); }

struct LayerOperands {
  Generator random{3};
  Tensor normal(const Shape& shape) { return random::normal(shape, 0, 1, f64, random); }
  Tensor weight(const Shape& shape) { return variable(random::normal(shape, 0, 0.5, f64, random)); }
};

}  // namespace

TEST_CASE("layers: linear and products with a matrix on the right") {
  LayerOperands of;
  const Tensor w = of.weight({3, 4});
  const Tensor b = of.weight({3});
  const Tensor x = of.normal({2, 5, 4});
  const auto check = [&](const Tensor& y, bool transposed, const detail::Node* bias) {
    Seen seen;
    sum(sin(y)).backward();
    REQUIRE(seen.passes.size() == 1);
    const auto& p = seen.passes[0];
    CHECK(p.transposed == transposed);
    CHECK(p.bias == bias);
    CHECK_FALSE(p.conv);
    const Tensor product = outer_products(p);
    CHECK(distance(product.value(), w.grad().value()) < 1e-14);
    w.set_grad({});
    b.set_grad({});
  };
  check(linear(x, w, b), false, b.node().get());
  check(matmul(x, transpose(w)), true, nullptr);

  const Tensor u = of.weight({4, 3});
  Seen seen;
  sum(sin(matmul(x, u))).backward();
  REQUIRE(seen.passes.size() == 1);
  CHECK(seen.passes[0].weight == u.node().get());
  CHECK(distance(transpose(outer_products(seen.passes[0])).value(), u.grad().value()) < 1e-14);
}

TEST_CASE("layers: passes name the variables behind their operands") {
  LayerOperands of;
  const Tensor w = of.weight({3, 3});
  const Tensor b = of.weight({3});
  const Tensor c = of.weight({3});
  const Tensor one = of.weight({1});
  const Tensor x = of.normal({5, 3});
  const auto pass = [](const Tensor& y) {
    Seen seen;
    sum(sin(y)).backward();
    REQUIRE(seen.passes.size() == 1);
    return seen.passes[0];
  };
  using Leaves = std::vector<const detail::Node*>;
  const auto* leaf = w.node().get();
  for (const auto& [y, transposed] : {std::pair(linear(x, w, b), false),
                                      {linear(x, transpose(w), b), true},
                                      {linear(x, permute(w, {0, 1}), b), false},
                                      {matmul(x, w), true},
                                      {matmul(x, transpose(w)), false}}) {
    const auto p = pass(y);
    CHECK(p.leaf == leaf);
    CHECK(p.leaf_transposed == transposed);
  }
  CHECK(pass(linear(x, 2 * w, b)).leaf == nullptr);
  CHECK(pass(linear(x, w, b)).bias_leaves == Leaves{b.node().get()});
  CHECK(pass(linear(x, w, b + c)).bias_leaves == Leaves{b.node().get(), c.node().get()});
  CHECK(pass(linear(x, w, b + one)).bias_leaves == Leaves{b.node().get()});
  CHECK(pass(linear(x, w, b - c)).bias_leaves.empty());
  CHECK(pass(matmul(x, w)).bias_leaves.empty());
}

TEST_CASE("layers: constant weights are not shown, and only the innermost observer is called") {
  LayerOperands of;
  const Tensor w = of.weight({3, 4});
  const Tensor x = of.weight({5, 4});
  const Tensor frozen = of.normal({3, 4});
  CHECK(LayerObserver::current() == nullptr);
  Seen outer;
  {
    Seen inner;
    sum(linear(x, frozen, of.normal({3}))).backward();
    sum(linear(x, w, of.normal({3}))).backward();
    CHECK(inner.passes.size() == 1);
    CHECK(inner.passes[0].bias == nullptr);
  }
  CHECK(outer.passes.empty());
  CHECK(LayerObserver::current() == &outer);
}

TEST_CASE("layers: an observer can skip the weights' gradients") {
  LayerOperands of;
  const Tensor w = of.weight({3, 4});
  const Tensor b = of.weight({3});
  const Tensor k = of.weight({2, 1, 2, 2});
  const Tensor x = of.weight({5, 4});
  const auto loss = [&] {
    return sum(sin(linear(x, w, b))) + sum(sin(matmul(x, transpose(w)))) +
           sum(sin(conv2d(reshape(x, {1, 1, 5, 4}), k)));
  };
  const auto all = grad(loss(), {w, b, k, x});
  Seen seen(false);
  const auto some = grad(std::vector{loss()}, std::vector{w, b, k, x}, {.allow_unused = true});
  CHECK(seen.passes.size() == 3);
  CHECK(distance(some[0].value(), zeros_like(w).value()) == 0);
  CHECK(distance(some[1].value(), all[1].value()) == 0);
  CHECK(distance(some[2].value(), zeros_like(k).value()) == 0);
  CHECK(distance(some[3].value(), all[3].value()) < 1e-15);
}

TEST_CASE("layers: batches of cotangents come with their extra axes") {
  LayerOperands of;
  const Tensor w = of.weight({3, 4});
  const Tensor k = of.weight({3, 2, 2, 2});
  const Tensor y = linear(of.normal({5, 4}), w, of.normal({3}));
  const Tensor z = conv2d(of.normal({2, 2, 3, 3}), k);
  Seen seen;
  const Tensor gy = of.normal({6, 5, 3});
  const Tensor gz = of.normal({6, 2, 3, 2, 2});
  (void)grad(std::vector{y}, std::vector{w}, {.grad_outputs = {gy}});
  (void)grad(std::vector{z}, std::vector{k}, {.grad_outputs = {gz}});
  REQUIRE(seen.passes.size() == 2);
  CHECK(identical(seen.passes[0].grad.value(), gy.value()));
  CHECK(identical(seen.passes[1].grad.value(), gz.value()));
}

TEST_CASE("layers: convolutions") {
  LayerOperands of;
  const Tensor w = of.weight({4, 1, 3, 2});
  const Tensor b = of.weight({4});
  const Tensor x = of.normal({2, 2, 6, 5});
  Seen seen;
  sum(sin(conv2d(x, w, b, {.stride = 2, .padding = 1, .groups = 2}))).backward();
  REQUIRE(seen.passes.size() == 1);
  const auto& p = seen.passes[0];
  REQUIRE(p.conv);
  CHECK(p.weight == w.node().get());
  CHECK(p.bias == b.node().get());
  CHECK(p.geometry.groups == 2);
  CHECK(distance(core::conv_weight(p.input.value(), p.grad.value(), p.geometry), w.grad().value()) < 1e-14);
}

TEST_CASE("layers: recurrent scans show the states before each step") {
  LayerOperands of;
  const std::int64_t steps = 4;
  const std::int64_t batch = 3;
  const std::int64_t n = 2;
  const Tensor h0 = of.normal({batch, n});
  Array moves = Array::empty({steps, batch}, boolean);
  for (std::int64_t i = 0; i < moves.size(); ++i) moves.data<bool>()[i] = i % 5 != 3;
  for (const bool recorded : {false, true}) {
    for (const RecurrentScanOptions& options :
         {RecurrentScanOptions{}, RecurrentScanOptions{.reverse = true}, RecurrentScanOptions{.mask = moves}}) {
      const auto check = [&](const Tensor& y, const Tensor& w, const Tensor& b) {
        std::vector<Tensor> inputs{w};
        if (b.defined()) inputs.push_back(b);
        Seen seen;
        const auto g = grad(sum(sin(y)), inputs, {.create_graph = recorded});
        REQUIRE(seen.passes.size() == 1);
        const auto& p = seen.passes[0];
        CHECK(p.weight == w.node().get());
        CHECK(p.bias == b.node().get());
        CHECK(distance(outer_products(p).value(), g[0].value()) < 1e-14);
        if (b.defined()) CHECK(distance(sum(rows(p.grad), 0).value(), g[1].value()) < 1e-14);
      };
      const Tensor w1 = of.weight({n, n});
      const Tensor w3 = of.weight({3 * n, n});
      const Tensor w4 = of.weight({4 * n, n});
      const Tensor b = of.weight({3 * n});
      check(rnn_tanh_scan(of.normal({steps, batch, n}), w1, h0, options), w1, {});
      check(rnn_relu_scan(of.normal({steps, batch, n}), w1, h0, options), w1, {});
      check(lstm_scan(of.normal({steps, batch, 4 * n}), w4, h0, of.normal({batch, n}), options).h, w4, {});
      check(gru_scan(of.normal({steps, batch, 3 * n}), w3, b, h0, options).h, w3, b);
    }
  }
}
