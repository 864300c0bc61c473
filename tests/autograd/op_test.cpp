// SPDX-License-Identifier: BSD-3-Clause
// Operations defined outside the library, and gradcheck's messages for wrong ones.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>

#include <algorithm>

using namespace newtape;

namespace {

static const Op cube_op{"test.cube"};
Tensor cube(In x) {
  return cube_op(core::pow(x.value(), core::full({}, 3, x.dtype())),
                 wrt(x, [x](const Tensor& g) { return 3 * g * x * x; }));
}

static const Op hypot_op{"test.hypot"};
Tensor hypotenuse(In a, In b) {
  match(hypot_op, a, b);
  return hypot_op(core::sqrt(core::add(core::square(a.value()), core::square(b.value()))),
                  wrt(a, [a](const Tensor& g, const Tensor& y) { return g * a / y; }),
                  wrt(b, [b](const Tensor& g, const Tensor& y) { return g * b / y; }));
}

static const Op sincos_op{"test.sincos"};
/// Sine, cosine, and floor(x / (2 pi)) as i64.
std::array<Tensor, 3> sincos(In x) {
  const Array turns =
      core::cast(core::floor(core::mul(x.value(), core::full({}, 1 / 6.283185307179586, x.dtype()))), i64);
  return sincos_op(std::array{core::sin(x.value()), core::cos(x.value()), turns}, wrt(x, [](Tensors g, Tensors y) {
                     if (!g[0].defined()) return -(g[1] * y[0]);
                     return g[1].defined() ? g[0] * y[1] - g[1] * y[0] : g[0] * y[1];
                   }));
}

static const Op wrong_op{"test.wrong"};
/// A square whose gradient is `pullback(g, x)`.
Tensor wrong(In x, Tensor (*pullback)(const Tensor& g, const Tensor& x)) {
  return wrong_op(core::square(x.value()), wrt(x, [x, pullback](const Tensor& g) { return pullback(g, x); }));
}

Tensor six_points() { return tensor({{0.5, -1.25, 2}, {1, 0.75, -3}}, f64); }

}  // namespace

TEST_CASE("op: an operation defined outside the library passes gradcheck") {
  CHECK(gradcheck([](const Tensor& x) { return cube(x); }, six_points(), {.order = 3}));
  const std::vector<Tensor> two{six_points(), tensor({1, 2, 3}, f64)};
  CHECK(gradcheck([](std::span<const Tensor> x) { return hypotenuse(x[0], x[1]); }, two, {.order = 3}));
  const auto names = registered_ops();
  CHECK(std::count(names.begin(), names.end(), "test.hypot") == 1);
}

TEST_CASE("op: several results") {
  const auto x = variable(six_points());
  SECTION("values, and which of them have derivatives") {
    const auto [s, c, turns] = sincos(x);
    CHECK(sum(abs(s - sin(six_points()))).item() == 0);
    CHECK(sum(abs(c - cos(six_points()))).item() == 0);
    CHECK(s.requires_grad());
    CHECK(c.requires_grad());
    CHECK_FALSE(turns.requires_grad());
    CHECK(turns.dtype() == i64);
    CHECK_FALSE(sincos(six_points())[0].requires_grad());
  }
  SECTION("derivatives to order three, of one result and of all") {
    for (int which = 0; which < 3; ++which) {
      const auto f = [which](const Tensor& t) {
        const auto [s, c, turns] = sincos(t);
        return which == 0 ? s : which == 1 ? c : s * exp(c) + s;
      };
      const auto result = gradcheck(f, six_points(), {.order = 3});
      INFO(result.message);
      CHECK(result);
    }
  }
  SECTION("a batch of cotangents, also one for each result") {
    const auto [s, c, turns] = sincos(x);
    const Tensor w = variable(expand(tensor({{1, 2, 3}, {4, 5, 6}}, f64), {4, 2, 3}));
    const std::array both{s, c};
    const auto g = grad(both, std::span(&x, 1), {.create_graph = true, .grad_outputs = {w, 2 * w}})[0];
    CHECK(g.shape() == Shape{4, 2, 3});
    // Weights up to 6, terms up to 1 and 2, four roundings on either side; with or without fused multiply-adds.
    const double term = bounds::gamma(8, f64) * 3;
    CHECK(max(abs(g - w * (cos(six_points()) - 2 * sin(six_points())))).item() <= 6 * term);
    CHECK(max(abs(grad(sum(g), w) - expand(cos(six_points()) - 2 * sin(six_points()), {4, 2, 3}))).item() <= term);
  }
  SECTION("their graph is released like any other, without memory leaks") {
    const auto before = allocator::stats().live_bytes;
    {
      const auto t = variable(six_points());
      const auto [s, c, turns] = sincos(t);
      const Tensor y = sum(s * c);
      y.backward({.create_graph = true});
      sum(t.grad()).backward();
      t.set_grad({});
      CHECK_THROWS_WITH(sum(c).backward(), contains("test.sincos"));
    }
    CHECK(allocator::stats().live_bytes == before);
  }
}

TEST_CASE("op: names are unique") {
  CHECK_THROWS_AS(Op("add"), ValueError);
  CHECK_THROWS_WITH(Op("test.cube"), contains("test.cube"));
}

TEST_CASE("op: gradcheck finds wrong derivatives and says where") {
  const auto check = [](Tensor (*pullback)(const Tensor&, const Tensor&), int order) {
    return gradcheck([=](const Tensor& x) { return wrong(x, pullback); }, six_points(), {.order = order, .seed = 42});
  };
  SECTION("a right one passes") {
    const auto result = check([](const Tensor& g, const Tensor& x) { return 2 * g * x; }, 3);
    INFO(result.message);
    CHECK(result.ok);
    CHECK(result.worst < 1e-9);
    CHECK(result.message.empty());
  }
  SECTION("a factor") {
    const auto result = check([](const Tensor& g, const Tensor& x) { return 3 * g * x; }, 2);
    CHECK_FALSE(result);
    CHECK(result.worst > 0.01);
    CHECK_THAT(result.message, contains("order 1, input 0, entry [") && contains("of shape [2, 3]") &&
                                   contains("seed 42") && contains("(differences)") && contains("(tape)"));
  }
  SECTION("one entry, with both numbers") {
    const auto result = check(
        [](const Tensor& g, const Tensor& x) {
          return 2 * g * x + g * tensor({{0, 0, 0}, {0, 0.5, 0}}, f64);
        },
        1);
    // With a cotangent w, the entry is 1.5 w from differences and 2 w from the tape.
    CHECK_THAT(result.message, contains("entry [1, 1]"));
    const auto number = [&](const std::string& label) {
      return std::stod(result.message.substr(result.message.find(label) + label.size()));
    };
    CHECK(number("got:") / number("expected:") == Approx(4.0 / 3).epsilon(1e-9));
  }
  SECTION("a small error is still an error") {
    CHECK_FALSE(check([](const Tensor& g, const Tensor& x) { return 2.00001 * g * x; }, 1));
  }
  SECTION("correct at order one, but detached for the second") {
    const auto dead = [](const Tensor& g, const Tensor& x) { return 2 * g * x.detach(); };
    CHECK(check(dead, 1));
    const auto result = check(dead, 2);
    CHECK_THAT(result.message, contains("order 2, input 0"));
  }
  SECTION("detached from the cotangent") {
    const auto dead = [](const Tensor& g, const Tensor& x) { return 2 * g.detach() * x; };
    CHECK(check(dead, 1));
    CHECK_THAT(check(dead, 2).message, contains("order 2, cotangent 0 of order 1"));
  }
  SECTION("right up to order two, wrong at three") {
    const auto result = gradcheck(
        [](const Tensor& x) {
          return cube_op(core::pow(x.value(), core::full({}, 3, f64)), wrt(In(x), [x](const Tensor& g) {
                           return 3 * g * wrong(x, [](const Tensor& h, const Tensor& z) { return 2 * h * z.detach(); });
                         }));
        },
        six_points(), {.order = 3});
    CHECK_THAT(result.message, contains("order 3, input 0"));
  }
  SECTION("not a number") {
    CHECK_FALSE(check([](const Tensor& g, const Tensor& x) { return g * log(x); }, 1));
  }
  SECTION("a fast form that differs from the recorded one") {
    const auto result =
        check([](const Tensor& g, const Tensor& x) { return recorded(g, x) ? 2 * g * x : 2 * g * x + 1e-3; }, 1);
    CHECK_THAT(result.message, contains("recorded") && contains("create_graph = true"));
  }
}

TEST_CASE("op: gradcheck and its inputs") {
  const Tensor x = six_points();
  CHECK_THROWS_AS(gradcheck([](const Tensor& t) { return exp(t); }, x.to(f32)), DTypeError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& t) { return t.to(i64); }, x), DTypeError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& t) { return t.to(f64); }, arange(3)), ValueError);
  // Integers are held fixed; a constant has derivative zero, and a linear function no second derivative.
  const std::vector<Tensor> mixed{x, arange(2)};
  CHECK(gradcheck([](std::span<const Tensor> t) { return take(t[0], t[1], 1); }, mixed, {.order = 3}));
  CHECK(gradcheck([](const Tensor&) { return tensor({1, 2}, f64); }, x, {.order = 3}));
  CHECK(gradcheck([](const Tensor& t) { return sum(t); }, x, {.order = 3}));
  const std::vector<Tensor> two{x, x};
  CHECK(gradcheck([](std::span<const Tensor> t) { return exp(t[1]); }, two, {.order = 2}));
  // A function that detaches its input: the gradient is zero, differences are not.
  CHECK_FALSE(gradcheck([](const Tensor& t) { return t.detach() * 2.0; }, x, {.order = 1}));
  // Small and large inputs, and recording switched off by the caller.
  CHECK(gradcheck([](const Tensor& t) { return log(t); }, tensor({1e-4, 2e-4}, f64), {.order = 3}));
  CHECK(gradcheck([](const Tensor& t) { return square(t); }, tensor({1e4, -3e4}, f64), {.order = 3}));
  const NoGrad off;
  CHECK(gradcheck([](const Tensor& t) { return sin(t); }, x, {.order = 2}));
  CHECK_FALSE(grad_enabled());
}

TEST_CASE("op: the results of pullbacks are checked") {
  const Tensor x = variable(six_points());
  const auto message = [&](Tensor (*pullback)(const Tensor&, const Tensor&), unsigned& line) -> std::string {
    line = __LINE__ + 1;
    const Tensor y = wrong(x, pullback);
    try {
      grad(y, x, {.grad_outputs = {ones({2, 3}, f64)}});
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  unsigned line = 0;
  const auto check = [&](const std::string& text, const std::string& expected, const std::string& got) {
    CHECK_THAT(text, contains("test.wrong"));
    CHECK_THAT(text, contains("op_test.cpp:" + std::to_string(line)));
    CHECK_THAT(text, contains(expected));
    CHECK_THAT(text, contains(got));
  };
  check(message([](const Tensor& g, const Tensor&) { return transpose(g); }, line), "[2, 3]", "[3, 2]");
  check(message([](const Tensor& g, const Tensor&) { return sum(g); }, line), "[2, 3]", "[]");
  check(message([](const Tensor& g, const Tensor&) { return g.to(f32); }, line), "f64", "f32");
  // Undefined means zero.
  const Tensor y = wrong(x, [](const Tensor&, const Tensor&) { return Tensor(); });
  const Tensor g = grad(sum(y) + sum(x), x);
  CHECK(all(g == 1.0).item<bool>());
}

TEST_CASE("op: a constant operand's pullback is dropped with its captures") {
  // The memory freed when the operands, of 8 and 16 kB, are destroyed and the result is kept.
  const auto freed = [](bool a_is_constant, bool b_is_constant) {
    Tensor a = Tensor(core::ones({1000}, f64));
    Tensor b = Tensor(core::ones({2000}, f64));
    const auto before = allocator::stats().live_bytes;
    if (!a_is_constant) a = variable(a);
    if (!b_is_constant) b = variable(b);
    const Tensor y = hypot_op(core::zeros({1}, f64), wrt(In(a), [b](const Tensor& g) { return g * sum(b); }),
                              wrt(In(b), [a](const Tensor& g) { return g * sum(a); }));
    a = Tensor();
    b = Tensor();
    return static_cast<double>(before) - static_cast<double>(allocator::stats().live_bytes);
  };
  CHECK(freed(false, false) < 2000);
  CHECK(freed(true, false) == Approx(16000).margin(2000));  // a's pullback, which held b, is dropped
  CHECK(freed(false, true) == Approx(8000).margin(2000));
}

static const Op trace_op{"test.trace"};

TEST_CASE("op: a rule without batch axes is mapped over them") {
  // The trace of a square matrix: its pullback, g I, is written for one matrix only.
  const auto trace = [](In x) {
    const auto n = x.shape()[0];
    return trace_op(sum(x.tensor().detach() * eye(n, f64)).value(), wrt(x, [n](const Tensor& g) {
                      return map_leading(g, 0, [n](const Tensor& one) {
                        CHECK(one.ndim() == 0);
                        return one * eye(n, f64);
                      });
                    }));
  };
  const Tensor x = variable(tensor({{1, 2}, {3, 4}}, f64));
  CHECK(gradcheck([&](const Tensor& t) { return trace(t * t); }, x, {.order = 3}));
  const Tensor w = tensor({{1, 2, 3}, {4, 5, 6}}, f64);
  const Tensor g = grad(trace(x), x, {.grad_outputs = {w}});
  CHECK(g.shape() == Shape{2, 3, 2, 2});
  CHECK(all(sum(sum(g, -1), -1) == 2.0 * w).item<bool>());
  CHECK(grad(trace(x), x, {.grad_outputs = {zeros({0}, f64)}}).shape() == Shape{0, 2, 2});
}

static const Op join_op{"test.weighted_sum"};

TEST_CASE("op: a list of operands") {
  const auto weighted_sum = [](const std::vector<Tensor>& parts) {
    Array value = core::zeros(parts[0].shape(), f64);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      value = core::add(value, core::mul(parts[i].value(), core::full({}, double(i + 1), f64)));
    }
    return join_op(value, wrt_all(parts, [](std::size_t i, const Tensor& g) { return g * double(i + 1); }));
  };
  const std::vector<Tensor> xs{six_points(), six_points(), six_points()};
  CHECK(gradcheck([&](std::span<const Tensor> x) { return weighted_sum({x[0], tanh(x[1]), x[2]}); }, xs, {.order = 3}));
  // Constants among them have no pullback.
  const Tensor v = variable(six_points());
  const Tensor y = weighted_sum({six_points(), v, six_points()});
  CHECK(all(grad(sum(y), v) == 2.0).item<bool>());
  CHECK_FALSE(weighted_sum({six_points(), six_points()}).requires_grad());
}
