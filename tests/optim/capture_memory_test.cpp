// SPDX-License-Identifier: BSD-3-Clause
// Where captured functions compute: over operands, in registers of chains of kernels, in the memory of results and gradients.
#include "catch.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/optim.hpp>

#include <cstring>
#include <functional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

using namespace newtape;

namespace {

using Pair = std::pair<Tensor, Tensor>;

bool equal_to_the_bit(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.value().raw(), b.value().raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

Tensor random_of(const Shape& shape, std::uint64_t seed, DType dtype = f32) {
  Generator g(seed);
  return Tensor(random::normal(shape, 0, 1, dtype, g));
}

/// The number before or after a word of a plan's text.
long number_in(const std::string& text, const std::string& pattern) {
  std::smatch found;
  REQUIRE(std::regex_search(text, found, std::regex(pattern)));
  return std::stol(found[1]);
}

/// Six calls of f and of its captured form, on other arguments each time; the plan.
std::string check_calls(const std::function<Pair(const Tensor&, const Tensor&)>& f, const Shape& x, const Shape& y,
                        DType dtype = f32) {
  auto captured = capture(f);
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Tensor a = random_of(x, 2 * i, dtype), b = random_of(y, 2 * i + 1, dtype);
    const Pair expected = f(a, b), got = captured(a, b);
    INFO("call " << i << "\n" << captured.plan());
    CHECK(equal_to_the_bit(got.first, expected.first.detach()));
    CHECK(equal_to_the_bit(got.second, expected.second.detach()));
  }
  CHECK(captured.counts().replayed == 4);
  return captured.plan();
}

}  // namespace

TEST_CASE("capture: chains of kernels run as one step, for operands that broadcast, change shape and repeat") {
  const auto chain = [](const Tensor& x, const Tensor& y) {
    const Tensor a = tanh(x * y) + x * 0.5;
    return Pair{exp(-square(a)) * y, a};
  };
  for (const DType dtype : {f32, f64}) {
    for (const Shape& y : {Shape{96, 128}, Shape{128}, Shape{96, 1}, Shape{}, Shape{1, 1}, Shape{1, 128}}) {
      INFO(to_string(y));
      const std::string plan = check_calls(chain, {96, 128}, y, dtype);
      CHECK_THAT(plan, contains("kernels"));
      // Only the two results are written.
      CHECK(number_in(plan, "arena (\\d+) bytes") <= 96 * 8);
    }
  }
  SECTION("of other shapes with as many elements") {
    check_calls(
        [](const Tensor& x, const Tensor& y) {
          const Tensor a = reshape(exp(x * 0.1), {128, 96});
          const Tensor b = a * y + 1.0;
          return Pair{reshape(b, {96, 128}) * x, b};
        },
        {96, 128}, {128, 96});
  }
  SECTION("transposed and sliced operands") {
    check_calls(
        [](const Tensor& x, const Tensor& y) {
          const Tensor a = tanh(x) * transpose(y, 0, 1);
          return Pair{a * slice(x, 0, 0, 1), sin(a) + square(a)};
        },
        {128, 128}, {128, 128});
  }
  SECTION("booleans between, and reductions of what is used again") {
    check_calls(
        [](const Tensor& x, const Tensor& y) {
          const Tensor a = where(x > y, x * y, x + y);
          const Tensor total = sum(a, {0});
          return Pair{a * 2.0 - x, total / (1.0 + square(total))};
        },
        {96, 128}, {96, 128});
  }
  SECTION("forward and backward together") {
    const std::string plan = check_calls(
        [](const Tensor& x, const Tensor& y) {
          auto [value, gradient] = value_and_grad(
              [&](const Tensor& at) { return sum(tanh(at * 0.5) * y + sigmoid(at) * at - exp(-square(at))); }, x);
          return Pair{value, gradient};
        },
        {256, 128}, {256, 128});
    // The value that is summed, and no other.
    CHECK(number_in(plan, "arena (\\d+) bytes") <= 256 * 128 * 4 + 256);
  }
}

TEST_CASE("capture: a result is written over an operand that is not read again") {
  // Each kernel alone: arrays that are too small for chains.
  const auto f = [](const Tensor& x, const Tensor& y) {
    Tensor a = x;
    for (int i = 0; i < 10; ++i) a = tanh(a) + y;
    return Pair{sum(a), a * transpose(a, 0, 1)};
  };
  const std::string plan = check_calls(f, {16, 16}, {16, 16});
  CHECK(number_in(plan, "(\\d+) results over an operand") >= 19);
  CHECK(number_in(plan, "arena (\\d+) bytes") <= 3 * 16 * 16 * 4);
}

TEST_CASE("capture: large results are arrays of their own") {
  auto f = capture([](const Tensor& x) { return exp(x) * 2.0; });
  std::vector<Tensor> kept;
  const auto x_of = [](std::uint64_t i) { return random_of({64, 128}, i); };
  for (std::uint64_t i = 0; i < 5; ++i) kept.push_back(f(x_of(i)));
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(equal_to_the_bit(kept[i], exp(x_of(i)) * 2.0));
  CHECK(number_in(f.plan(), "arena (\\d+) bytes") == 0);
}

TEST_CASE("capture: gradients are computed where they stay, and hold other blocks before") {
  const Parameter w(random_of({256, 64}, 1)), v(random_of({64, 256}, 2));
  const auto body = [](const Parameter& p, const Parameter& q) {
    return [&](const Tensor& x) {
      p.zero_grad();
      q.zero_grad();
      const Tensor y = mean(square(matmul(tanh(matmul(x, q)), p)));
      if (isfinite(y).item<bool>()) y.backward();
      return y;
    };
  };
  const Parameter w2(w.detach()), v2(v.detach());
  auto f = capture(body(w, v));
  const auto eager = body(w2, v2);
  Tensor handle;
  for (std::uint64_t i = 0; i < 8; ++i) {
    // A value that is not finite leads to another plan; gradients are cleared then.
    const Tensor x = i == 5 ? random_of({32, 64}, i) * 1e38 * 1e38 : random_of({32, 64}, i);
    INFO("call " << i);
    const Tensor before = w.grad();  // a handle, on every other call
    if (i % 2 == 1) handle = before;
    const Tensor copied = handle.defined() ? handle * 1.0 : Tensor();
    CHECK(equal_to_the_bit(f(x), eager(x).detach()));
    CHECK(equal_to_the_bit(w.grad(), w2.grad()));
    CHECK(equal_to_the_bit(v.grad(), v2.grad()));
    if (handle.defined()) CHECK(equal_to_the_bit(handle, copied));
  }
  CHECK(number_in(f.plan(), "(\\d+) results and gradients") >= 2);
}

TEST_CASE("capture: an error in the middle of a replay leaves no half-written gradient") {
  const Parameter w(random_of({64, 64}, 1, f64));
  const auto body = [&](const Tensor& x) {
    w.zero_grad();
    const Tensor a = tanh(w) * w;  // lies in the gradient's memory
    const Tensor y = sum(linalg::cholesky(x + 0.0 * matmul(a, a)) * w);
    y.backward();
    return y;
  };
  auto f = capture(body);
  const Tensor good = Tensor(core::eye(64, 64, f64)) * 2.0;
  for (int i = 0; i < 3; ++i) f(good);
  const Tensor expected = w.grad() * 1.0;
  CHECK_THROWS_AS(f(-good), NumericalError);
  CHECK((!w.grad().defined() || equal_to_the_bit(w.grad(), expected)));
  f(good);
  CHECK(equal_to_the_bit(w.grad(), expected));
}

TEST_CASE("capture: an empty function is an error that names the line") {
  const std::function<Tensor(const Tensor&)> empty;
  try {
    capture(empty);
    FAIL("no error");
  } catch (const ValueError& e) {
    CHECK_THAT(e.what(), contains("capture: the function is empty"));
    CHECK_THAT(e.what(), contains("capture_memory_test.cpp:" + std::to_string(__LINE__ - 4)));
  }
  auto f = capture([](const Tensor& x) { return x * 2.0; });
  const std::string line = "capture_memory_test.cpp:" + std::to_string(__LINE__ - 1);
  try {
    f(variable(random_of({2}, 1)));
    FAIL("no error");
  } catch (const ValueError& e) {
    CHECK_THAT(e.what(), contains(line));
  }
}

TEST_CASE("capture: plans as text and as a picture") {
  auto f = capture([](const Tensor& x) {
    const Tensor y = tanh(x) * x;
    return sum(y + exp(x));
  });
  CHECK(f.plan_to_dot() == "digraph {}\n");
  for (int i = 0; i < 3; ++i) f(random_of({128, 128}, 1));
  const std::string text = f.plan(), dot = f.plan_to_dot();
  CHECK_THAT(text, contains("4 kernels") && contains("#0 tanh(in0[128, 128])") && contains("the function itself"));
  CHECK_THAT(dot, contains("digraph {") && contains("tanh\\nmul\\nexp\\nadd\\n") && contains("label=\"sum\"") &&
                      contains("result 0"));
}

TEST_CASE("capture: the slope of an activation is computed once, with its value") {
  const auto count = [](const std::string& text, const std::string& what) {
    long n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  };
  const auto of_gradient = [](Tensor (*f)(In)) {  // derivatives up to the third
    return [f](const Tensor& x, const Tensor& w) {
      const auto u = [&](const Tensor& at) { return sum(f(matmul(f(matmul(at, w)), w))); };
      const auto first = grad(u);
      const auto loss = [&](const Tensor& at) { return sum(square(first(at))); };
      return Pair{first(x), grad(loss)(x)};
    };
  };
  const auto twice = [](Tensor (*f)(In)) {  // two pullbacks at one place
    return [f](const Tensor& x, const Tensor& w) {
      const auto u = [&](const Tensor& at) { return sum(f(at * w)); };
      const auto v = [&](const Tensor& at) { return sum(square(f(at * w))); };
      return Pair{grad(u)(x), grad(v)(x)};
    };
  };
  for (const DType dtype : {f32, f64}) {
    const std::string plan = check_calls(of_gradient(tanh), {40, 8}, {8, 8}, dtype);
    CHECK(count(plan, "paired  tanh tanh_grad") == 2);
    CHECK(count(plan, "kernel  tanh_grad") == 0);
    CHECK_THAT(check_calls(twice(sigmoid), {40, 8}, {40, 8}, dtype), contains("paired  sigmoid sigmoid_grad"));
    // Without a kernel for both, that of one pullback serves the other.
    CHECK(count(check_calls(twice(softplus), {40, 8}, {40, 8}, dtype), "softplus_grad(") == 1);
    check_calls(of_gradient(silu), {40, 8}, {8, 8}, dtype);
    check_calls(of_gradient(gelu), {40, 8}, {8, 8}, dtype);
  }
  // Large arrays are computed in chains.
  CHECK(count(check_calls(twice(tanh), {300, 200}, {300, 200}), "paired") == 0);
}

TEST_CASE("capture: constants that kernels would gather are copied once") {
  const Tensor signs = reshape(arange(6).to(f32), {2, 1, 3});
  const auto weighted = [&](const Tensor& x, const Tensor& y) {
    const Tensor w = expand(signs, {2, 50, 3});
    return Pair{w * x, y - w};
  };
  const std::string plan = check_calls(weighted, {2, 50, 3}, {2, 50, 3});
  CHECK(number_in(plan, "constants (\\d+)") >= 2 * 50 * 3 * 4);
}

TEST_CASE("capture: pullbacks of relu keep a byte per element where that makes the arena smaller") {
  for (const DType dtype : {f32, f64}) {
    INFO(name(dtype));
    const Tensor weight = random_of({1024, 16}, 100, dtype);
    const auto descend = [&](const Tensor& x, const Tensor& y) {
      const Tensor at = variable(x);
      const Tensor loss = mean(square(matmul(relu(matmul(at, y)), weight)));
      return Pair{loss, grad(loss, at)};
    };
    const std::string plan = check_calls(descend, {128, 64}, {64, 1024}, dtype);
    CHECK_THAT(plan, contains("greater(") && contains("where("));
    // Not two arrays of the hidden layer's size at a time.
    CHECK(number_in(plan, "arena (\\d+) bytes") < 3 * 128 * 1024 * static_cast<long>(item_size(dtype)) / 2);
  }
}

TEST_CASE("capture: softmax, log_softmax and their pullbacks are written over operands") {
  for (const bool logarithm : {false, true}) {
    for (const std::int64_t n : {1, 7, 256}) {  // rows that share a vector, and that do not
      const auto f = [&](const Tensor& x, const Tensor& y) {
        const Tensor at = variable(x);
        const Tensor product = matmul(at, y);
        const Tensor p = logarithm ? log_softmax(product, -1) : softmax(product, -1);
        return Pair{p * 2.0, grad(sum(matmul(square(p), transpose(y))), at)};
      };
      const std::string plan = check_calls(f, {96, 32}, {32, n});
      INFO(plan);
      CHECK(std::regex_search(plan, std::regex("softmax\\((%\\d+)\\[[^)]*\\) -> \\1\\[")));
      CHECK(std::regex_search(plan, std::regex("softmax_grad\\((%\\d+)\\[[^)]*\\) -> \\1\\[")));
    }
  }
}
