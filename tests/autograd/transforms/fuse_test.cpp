// SPDX-License-Identifier: BSD-3-Clause
// Fused functions of many blocks against the unfused functions. Derivatives: rows/fuse.cpp.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/fuse.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/runtime/random.hpp>

#include "core/runtime/threads.hpp"

#include <limits>

using namespace newtape;

namespace {

using Operands = std::span<const Tensor>;

Array drawn(const Shape& shape, std::uint64_t seed, DType dtype = f32) {
  Generator from(seed);
  return random::uniform(shape, -2, 2, dtype, from);
}

struct Found {
  Array value;
  std::vector<Array> gradients;
};

/// The value, and the gradients with respect to float operands, for a given cotangent or that of the sum.
Found found(const Function& f, const std::vector<Array>& arrays, std::int64_t from, const Tensor& cotangent = {}) {
  std::vector<In> operands;
  std::vector<Tensor> variables;
  for (const auto& x : arrays) {
    const Tensor t = is_floating(x.dtype()) ? variable(x) : Tensor(x);
    if (t.requires_grad()) variables.push_back(t);
    operands.emplace_back(Tensor(t));
  }
  std::atomic<bool> checked{true};
  const Tensor y = detail::fuse_list(f, std::move(operands), checked, from);
  Found result{y.value(), {}};
  if (!y.requires_grad()) return result;
  const auto gradients = cotangent.defined() ? grad(y, variables, {.grad_outputs = {cotangent}, .allow_unused = true})
                                             : grad(sum(y), variables, {.allow_unused = true});
  for (const auto& g : gradients) result.gradients.push_back(g.value());
  return result;
}

constexpr std::int64_t always = 0, never = std::numeric_limits<std::int64_t>::max();

/// Gradients recomputed from the operands, and gradients from saved slopes.
const Function cheap = [](Operands x) { return x[0] * x[1] - 3 * maximum(x[0], x[1]) + square(x[1]) / 2.0; };
const Function dear = [](Operands x) { return tanh(0.5 * x[0]) * x[1] + exp(-square(x[0] - x[1])) * x[0]; };

void check_fused(const Function& f, const std::vector<Array>& arrays) {
  const Found fused = found(f, arrays, always);
  const Found plain = found(f, arrays, never);
  CHECK(same_bits(fused.value, plain.value));
  REQUIRE(fused.gradients.size() == plain.gradients.size());
  for (std::size_t i = 0; i < fused.gradients.size(); ++i) {
    INFO("gradient in operand " << i);
    CHECK(same_bits(fused.gradients[i], plain.gradients[i]));
  }
}

}  // namespace

TEST_CASE("fuse: bitwise equal to the unfused function, for any layout of the operands") {
  const auto n = GENERATE(1, 3, 1000, 1021, 5000);
  const auto m = GENERATE(1, 2, 70, 1100);
  const DType dtype = GENERATE(f32, f64);
  INFO("[" << n << ", " << m << "] " << name(dtype));
  for (const auto& f : {cheap, dear}) {
    const Array x = drawn({n, m}, 1, dtype);
    check_fused(f, {x, drawn({n, m}, 2, dtype)});
    check_fused(f, {x, drawn({m}, 2, dtype)});
    check_fused(f, {x, drawn({n, 1}, 2, dtype)});
    check_fused(f, {drawn({}, 2, dtype), x});
    check_fused(f, {drawn({n, 1}, 1, dtype), drawn({m}, 2, dtype)});
    check_fused(f, {core::transpose(drawn({m, n}, 1, dtype), 0, 1), x});
    check_fused(f, {core::slice(drawn({n, m + 5}, 1, dtype), 1, 3, m + 3), x});
    check_fused(f, {core::slice(drawn({2 * n, m}, 1, dtype), 0, 1, 2 * n, 2), x});
    check_fused(f, {core::slice(drawn({n, 3 * m}, 1, dtype), 1, 1, 3 * m, 3), x});
  }
}

TEST_CASE("fuse: operands of three axes, broadcast along any of them") {
  for (const auto& f : {cheap, dear}) {
    for (const auto& shape : {Shape{7, 30, 11}, Shape{3, 2, 2000}, Shape{2000, 3, 2}}) {
      const Array x = drawn(shape, 1);
      for (std::size_t axis = 0; axis < 3; ++axis) {
        INFO(to_string(shape) << " axis " << axis);
        Shape one = shape;
        one[axis] = 1;
        check_fused(f, {x, drawn(one, 2)});
        Shape alone(3, 1);
        alone[axis] = shape[axis];
        check_fused(f, {x, drawn(alone, 2)});
      }
    }
  }
}

TEST_CASE("fuse: conditions, conversions and numbers") {
  const Array x = drawn({300, 100}, 1);
  const Array mask = core::less(drawn({300, 1}, 2), core::number(0, f32));
  const Tensor c = tensor(0.75);
  check_fused([](Operands v) { return where(v[0], v[1] * v[1], zeros_like(v[1])); }, {mask, x});
  check_fused([](Operands v) { return where(v[1] > 0.5, v[1] * 3, sin(v[1])) * v[0].to(f32); }, {mask, x});
  check_fused([](Operands v) { return (v[0].to(f64) * 0.1).to(f32) + v[0]; }, {x});
  check_fused([c](Operands v) { return v[0] * c + exp(c * 2.0) - (v[0] - c); }, {x});
  check_fused([](Operands v) { return v[0] * v[0] + 2; }, {random::integers({20000}, -9, 9)});
  const Tensor y = fuse([](auto a, auto b, auto s) { return where(a, b, s); }, mask, x, 2);  // 2 takes x's dtype
  CHECK(y.dtype() == f32);
}

TEST_CASE("fuse: results that are operands, constants, or equal") {
  const Array x = drawn({300, 100}, 1);
  check_fused([](Operands v) { return v[0]; }, {x, drawn({100}, 2)});
  check_fused([](Operands v) { return v[1]; }, {x, drawn({100}, 2)});
  check_fused([](Operands v) { return tanh(v[1]); }, {x, drawn({100}, 2)});
  check_fused([](Operands v) { return tanh(v[1]) * v[0]; }, {x, drawn({}, 2)});
  check_fused([](Operands) { return tensor(3.0); }, {x});
  check_fused([](Operands v) { return v[0] + v[1]; }, {x, x});
  check_fused([](Operands v) { return v[0] * 1.0 + v[1] * -1.0; }, {x, x});
}

TEST_CASE("fuse: gradients for a cotangent of several values") {
  const std::vector<Array> arrays{drawn({300, 100}, 1), drawn({100}, 2)};
  const Tensor w = drawn({300, 100}, 3);
  const Found fused = found(cheap, arrays, always, w);
  const Found plain = found(cheap, arrays, never, w);
  for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits(fused.gradients[i], plain.gradients[i]));
  // Saved slopes are rounded before the product with the cotangent.
  const Found kept = found(dear, arrays, always, w);
  const Found exact = found(dear, arrays, never, w);
  for (std::size_t i = 0; i < 2; ++i) {
    const Tensor difference = abs(Tensor(kept.gradients[i]) - Tensor(exact.gradients[i]));
    CHECK(max(difference).item() <= 1e-5 * max(abs(Tensor(exact.gradients[i]))).item());
  }
}

TEST_CASE("fuse: results do not depend on the number of threads") {
  const std::vector<Array> arrays{drawn({1000, 300}, 1), drawn({300}, 2)};
  const Found one = [&] {
    const Threads threads(1);
    return found(dear, arrays, always);
  }();
  const Threads threads(3);
  const Found three = found(dear, arrays, always);
  CHECK(same_bits(one.value, three.value));
  for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits(one.gradients[i], three.gradients[i]));
}

TEST_CASE("fuse: no array is allocated for the cotangent of a sum") {
  const Tensor x = variable(drawn({300, 100}, 1));
  const Tensor b = variable(drawn({300, 100}, 2));
  const auto g = grad(sum(fuse([](auto u, auto v) { return u + 2 * v; }, x, b)), {x, b});
  CHECK(g[0].value().strides() == Strides(2));
  CHECK(g[1].value().strides() == Strides(2));
  CHECK(g[1].value().data<float>()[0] == 2);
}

TEST_CASE("fuse: the function is called once, and again only for gradients that are recorded or come in batches") {
  const Tensor x = variable(drawn({200, 100}, 1));
  int calls = 0;
  const auto f = [&calls](auto v) {
    ++calls;
    return tanh(v) * v;
  };
  const Tensor y = fuse(f, x);
  const Tensor w = drawn(y.shape(), 2);
  const Tensor g = grad(y, x, {.retain_graph = true, .grad_outputs = {w}});
  CHECK(same_bits(grad(y, x, {.retain_graph = true, .grad_outputs = {w}}).value(), g.value()));
  CHECK(calls == 1);
  const Tensor recorded = grad(y, x, {.create_graph = true, .grad_outputs = {w}});
  CHECK(calls == 2);
  CHECK(recorded.requires_grad());
  CHECK(max(abs(recorded - g)).item() < 1e-5);
  const Tensor second = grad(sum(recorded), x);
  // (v tanh v)'' = (1 - t^2) (2 - 2 v t)
  const Tensor v = x.detach();
  const Tensor t = tanh(v);
  CHECK(max(abs(second - w * (1 - t * t) * (2 - 2 * v * t))).item() < 1e-5);
}

TEST_CASE("fuse: the gradient in one operand of several") {
  const Tensor x = variable(drawn({200, 100}, 1));
  const Tensor b = variable(drawn({100}, 2));
  const auto f = [](auto u, auto v) { return u * v + square(v); };
  const Tensor y = fuse(f, x, b);
  CHECK(max(abs(grad(sum(y), b) - sum(x + 2 * b, 0))).item() < 1e-3);
  // One operand may depend on another: partial derivatives remain separate.
  const Tensor z = fuse(f, x, 3 * x);  // 3 x^2 + 9 x^2
  const Tensor g = grad(sum(z), x, {.create_graph = true});
  CHECK(max(abs(g - 24 * x)).item() < 1e-4);
  CHECK(max(abs(grad(sum(g), x) - 24.0)).item() < 1e-4);
}

TEST_CASE("fuse: small operands use the unfused function, once it is known to be elementwise") {
  const auto f = [](auto u) { return u * 2 + 1; };
  const Tensor x = variable(tensor({1.0, 2, 3}));
  for (int i = 0; i < 2; ++i) CHECK(all(fuse(f, x) == tensor({3.0, 5, 7})).item<bool>());
  const auto reduces = [](auto u) { return u - sum(u); };
  CHECK_THROWS_AS(fuse(reduces, x), ValueError);
  CHECK_THROWS_AS(fuse(reduces, x), ValueError);
  CHECK(sum(x).item() == 6);  // the recorder is off again
}

TEST_CASE("fuse: a fused function inside another") {
  const Array x = drawn({300, 100}, 1);
  const auto inner = [](auto u) { return sigmoid(u) * u; };
  check_fused([&](Operands v) { return fuse(inner, v[0]) + 1; }, {x});
}

TEST_CASE("fuse: captured values are copied") {
  const Tensor x = variable(drawn({200, 100}, 1));
  Tensor y;
  {
    const double scale = 3;
    y = fuse([scale](auto v) { return exp(v * scale); }, x);
  }
  const Tensor g = grad(sum(y), x, {.create_graph = true});
  CHECK(max(abs(grad(sum(g), x) - 9.0 * y)).item() <= 1e-5 * max(y).item());
}
