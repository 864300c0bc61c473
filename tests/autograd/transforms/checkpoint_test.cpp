// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/transforms/agree.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/random.hpp>

using namespace newtape;

namespace {

/// Three operations, each of which saves an array.
Tensor block(const Tensor& x) { return tanh(sin(x) * exp(x * 0.1)); }
Tensor noisy(const Tensor& x) { return block(x) * Tensor(random::bernoulli(x.shape(), 0.5, x.dtype())); }

}  // namespace

TEST_CASE("checkpoint: the function runs once forward and once for every sweep") {
  int runs = 0;
  const Function f = [&](std::span<const Tensor> xs) {
    ++runs;
    return block(xs[0]) * xs[1] + xs[2];
  };
  std::vector<Tensor> xs;
  for (int i = 0; i < 3; ++i) xs.push_back(variable(full({4}, 0.3 * (i + 1), f64)));
  const Tensor y = checkpoint(f, xs);
  CHECK(runs == 1);
  const Tensor g = full({4}, 2, f64);
  const auto first = grad(std::span(&y, 1), xs, {.retain_graph = true, .grad_outputs = {g}});
  CHECK(runs == 2);
  const auto again = grad(std::span(&y, 1), xs, {.retain_graph = true, .grad_outputs = {g}});
  CHECK(runs == 3);
  const Tensor plain = block(xs[0]) * xs[1] + xs[2];
  const auto wanted = grad(std::span(&plain, 1), xs, {.grad_outputs = {g}});
  for (std::size_t i = 0; i < xs.size(); ++i) {
    CHECK(agree(first[i], wanted[i], 1e-12));
    CHECK(agree(again[i], wanted[i], 1e-12));
  }
  // Other cotangents, and only some of the inputs.
  CHECK(agree(grad(y, xs[1], {.retain_graph = true, .grad_outputs = {3 * g}}), 3 * wanted[1], 1e-12));
  CHECK(agree(grad(y, xs[0], {.retain_graph = true, .grad_outputs = {g}}), wanted[0], 1e-12));
  CHECK(agree(grad(y, xs[0], {.grad_outputs = {stack({g, -g}, 0)}}), stack({wanted[0], -wanted[0]}, 0), 1e-12));
  // Constants, and recording off: an ordinary call.
  CHECK_FALSE(checkpoint(block, ones({2}, f64)).requires_grad());
  const NoGrad off;
  CHECK_FALSE(checkpoint(block, xs[0]).requires_grad());
}

TEST_CASE("checkpoint: derivatives of higher order, and nested") {
  const auto nested = [](const Tensor& x) {
    return checkpoint([](const Tensor& t) { return checkpoint(block, block(t)) * t; }, x);
  };
  const Tensor x = tensor({0.5, -0.25, 1}, f64);
  const auto result = gradcheck(nested, x, {.order = 3});
  INFO(result.message);
  CHECK(result);
  const auto plain = [](const Tensor& t) { return sum(block(block(t)) * t); };
  CHECK(agree(hessian([&](const Tensor& t) { return sum(nested(t)); }, x), hessian(plain, x), 1e-12));
}

TEST_CASE("checkpoint: recomputation repeats the random numbers, and the generator's state is kept") {
  manual_seed(7);
  const Tensor x = variable(full({1000}, 0.4, f64));
  const Tensor y = checkpoint(noisy, x);
  const auto position = default_generator().position();
  const Tensor g = grad(sum(y), x);
  CHECK(default_generator().position() == position);
  // The gradient is zero where the value was dropped.
  CHECK(all((y.detach() == 0.0) == (g == 0.0)).item<bool>());
  CHECK(any(g == 0.0).item<bool>());
}

TEST_CASE("checkpoint: intermediate results are not stored") {
  constexpr std::int64_t n = 10000;
  constexpr int blocks = 8;
  const auto kept = [&](bool checkpointed) {
    const Tensor x = variable(full({n}, 0.3, f64));
    const auto before = allocator::stats().live_bytes;
    Tensor y = x;
    for (int i = 0; i < blocks; ++i) y = checkpointed ? checkpoint(block, y) : block(y);
    const auto live = static_cast<double>(allocator::stats().live_bytes - before) / (n * sizeof(double));
    const Tensor g = grad(sum(y), x);
    return std::pair(live, g);
  };
  const auto with = kept(true);
  const auto without = kept(false);
  CHECK(with.first < blocks + 0.5);  // one array for each block: its input
  CHECK(without.first > 3 * with.first);
  CHECK(agree(with.second, without.second, 1e-12));
}

TEST_CASE("functional: code that reads parameters as a function of their values") {
  const Parameter w(tensor({{1, 2}, {3, 4}}, f64));
  const Parameter b(tensor({0.5, -0.5}, f64));
  const Tensor x = tensor({1, -1}, f64);
  const auto f = function_of({w, b}, [&] { return sum(square(matmul(w, x) + b)); });
  const std::vector<Parameter> cells{w, b};
  const auto values = values_of(cells);
  CHECK_FALSE(values[0].requires_grad());
  const Tensor r = matmul(w, x) + b;
  const auto g = grad(f)(values);
  CHECK(agree(g[0], 2 * unsqueeze(r, 1) * x, 1e-12));
  CHECK(agree(g[1], 2 * r, 1e-12));
  CHECK_FALSE(g[0].requires_grad());  // independent of the cells' variables
  CHECK_FALSE(w.grad().defined());
  CHECK(agree(hessian(f, values)[1][1], 2 * eye(2, f64), 1e-12));
  CHECK(gradcheck(f, values, {.order = 2}));
  // The cells are restored, also after an error.
  CHECK(w.requires_grad());
  CHECK(agree(w, tensor({{1, 2}, {3, 4}}, f64), 1e-12));
  const auto fails = function_of({w}, [&]() -> Tensor { return matmul(w, ones({3}, f64)); });
  CHECK_THROWS_AS(fails(std::vector<Tensor>{zeros({2, 2}, f64)}), ShapeError);
  CHECK(agree(w, tensor({{1, 2}, {3, 4}}, f64), 1e-12));
  CHECK_THROWS_AS(f(std::vector<Tensor>{values[0]}), ValueError);
  CHECK_THROWS_WITH(f(std::vector<Tensor>{values[0], zeros({3}, f64)}), contains("parameter 1") && contains("[3]"));
  CHECK_THROWS_AS(function_of({w, w}, [] { return Tensor(); }), ValueError);
}
