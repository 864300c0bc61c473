// SPDX-License-Identifier: BSD-3-Clause
// gradcheck's results for wrong derivatives, kinks and functions of several results.
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>

using namespace newtape;

namespace {

static const Op wrong_square_op{"test.wrong_square"};
/// A square whose pullback is `pullback(g, x)`.
using Pullback = std::function<Tensor(const Tensor& g, const Tensor& x)>;
UnaryFunction wrong_square(Pullback pullback) {
  return [pullback](const Tensor& x) {
    return wrong_square_op(core::square(x.value()),
                           wrt(In(x), [x, pullback](const Tensor& g) { return pullback(g, x); }));
  };
}
Tensor four_points() { return tensor({{0.5, -1.25}, {1, 0.75}}, f64); }

static const Op total_op{"test.weighted_total"};
/// <a, x> with the transposed weights as the gradient.
Tensor transposed_gradient(const Tensor& x) {
  const Tensor a = tensor({{1, 2}, {3, 4}}, f64);
  return total_op(core::sum(core::mul(x.value(), a.value())), wrt(In(x), [a](const Tensor& g) {
                    return reshape(g, with_leading(g, 0, {1, 1})) * transpose(a);
                  }));
}

}  // namespace

TEST_CASE("gradcheck: hints at what is wrong") {
  const auto message = [](Pullback pullback) {
    return gradcheck(wrong_square(std::move(pullback)), four_points()).message;
  };
  CHECK_THAT(message([](const Tensor& g, const Tensor& x) { return -2 * g * x; }),
             contains("-1 times the right value everywhere: wrong sign") && contains("4 of the 4 entries"));
  CHECK_THAT(message([](const Tensor& g, const Tensor& x) { return 4 * g * x; }), contains("2 times the right value"));
  CHECK_THAT(message([](const Tensor& g, const Tensor& x) { return 0.5 * g * x; }), contains("(1/4)"));
  CHECK_THAT(message([](const Tensor& g, const Tensor&) { return 0 * g; }), contains("zero for all"));
  CHECK_THAT(gradcheck(transposed_gradient, four_points()).message, contains("transposed values"));
  // One entry only: no hint, but the table shows it.
  const auto one = gradcheck(wrong_square([](const Tensor& g, const Tensor& x) {
                               return 2 * g * x + g * tensor({{0, 0}, {0.25, 0}}, f64);
                             }),
                             four_points());
  CHECK_FALSE(one.kink);
  CHECK_THAT(one.message,
             contains("1 of the 4 entries") && contains("the worst entries") && contains("input 0 [1, 0]"));
  CHECK_THAT(one.message, contains("computed by test.wrong_square, recorded at gradcheck_test.cpp"));
}

TEST_CASE("gradcheck: a kink is distinguished from a wrong derivative") {
  const auto at = [](const UnaryFunction& f, double x) { return gradcheck(f, tensor({0.7, x}, f64)); };
  for (const auto& f :
       {UnaryFunction([](const Tensor& t) { return abs(t); }), UnaryFunction([](const Tensor& t) { return relu(t); }),
        UnaryFunction([](const Tensor& t) { return maximum(t, 3 * t); })}) {
    const auto corner = at(f, 0);
    if (corner) continue;  // central differences also give the mean of both slopes
    CHECK(corner.kink);
    CHECK_THAT(corner.message, contains("at a kink") && contains("to the left") && contains("entry [1]"));
    CHECK(at(f, 0.01));  // near the kink, not at it
    CHECK(at(f, -0.3));
  }
  const auto jump = gradcheck([](const Tensor& t) { return where(t > 0.0, t + 1.0, t); }, tensor({0, 1}, f64));
  CHECK_FALSE(jump);
  CHECK(jump.kink);
  // Steep, but smooth, and wrong.
  const auto steep =
      gradcheck(wrong_square([](const Tensor& g, const Tensor& x) { return 1.9 * g * x; }), 100 * four_points());
  CHECK_FALSE(steep);
  CHECK_FALSE(steep.kink);
}

TEST_CASE("gradcheck: the operation with the kink is named, with its line and entry") {
  const auto named = [](const UnaryFunction& f, const std::string& op, const std::string& entry) {
    const auto result = gradcheck(f, tensor({0.7, 0, -0.4}, f64));
    INFO(result.message);
    CHECK_FALSE(result);
    CHECK(result.kink);
    CHECK_THAT(result.message, contains("the kink is that of " + op + ", recorded at gradcheck_test.cpp") &&
                                   contains("at entry " + entry));
  };
  named([](const Tensor& t) { return square(relu(t * 3.0) + t + 1.0); }, "relu", "[1]");
  named([](const Tensor& t) { return exp(relu(sin(t))); }, "relu", "[1]");
  // To first order, differences give the mean of both slopes, which is the convention at 0.
  named([](const Tensor& t) { return square(abs(t) + t + 1.0); }, "abs", "[1]");
  named([](const Tensor& t) { return where(t > 0.0, exp(t), t); }, "where", "[1]");
  named([](const Tensor& t) { return exp(clip(transpose(reshape(t, {1, 3})), 0.0, 5.0)); }, "clip", "[1, 0]");
  const auto norm_at_zero = gradcheck([](const Tensor& t) { return norm(t * 2.0); }, zeros({2}, f64));
  CHECK_FALSE(norm_at_zero);
  CHECK_THAT(norm_at_zero.message, contains("norm_grad") && contains("gradcheck_test.cpp"));
}

TEST_CASE("gradcheck: every entry of the Jacobian") {
  const UnaryFunction f = [](const Tensor& x) { return matmul(x, sin(x)); };
  const auto right = gradcheck(f, four_points(), {.full = true});
  INFO(right.message);
  CHECK(right);
  CHECK(right.worst < 1e-6);
  const auto result = gradcheck(wrong_square([](const Tensor& g, const Tensor& x) {
                                  return 2 * g * x + g * tensor({{0, 0}, {0.25, 0}}, f64);
                                }),
                                four_points(), {.full = true});
  CHECK_FALSE(result);
  CHECK_THAT(result.message, contains("result 0 [1, 0] in input 0 [1, 0]") && contains("2.25 (tape)") &&
                                 contains("order 1, input 0, entry [1, 0]"));
}

TEST_CASE("gradcheck: several results") {
  const std::vector<Tensor> xs{four_points(), tensor({1, 2}, f64)};
  const MultiFunction f = [](std::span<const Tensor> x) {
    return std::vector<Tensor>{x[0] * x[1], sum(exp(x[1])), tensor({3}, f64), x[0]};
  };
  CHECK(gradcheck(f, xs, {.order = 3}));
  CHECK(gradcheck(f, xs, {.full = true}));
  CHECK(gradgradcheck(f, xs, {.order = 1}));
  const MultiFunction second = [](std::span<const Tensor> x) {
    return std::vector<Tensor>{x[1] * 2,
                               wrong_square([](const Tensor& g, const Tensor& t) { return 3 * g * t; })(x[0])};
  };
  const auto result = gradcheck(second, xs, {.full = true});
  CHECK_FALSE(result);
  CHECK_THAT(result.message, contains("result 1 [") && contains("1.5 times"));
  CHECK_FALSE(gradcheck(second, xs));
  const MultiFunction mixed = [](std::span<const Tensor> x) { return std::vector<Tensor>{x[0], x[0].to(f32)}; };
  CHECK_THROWS_AS(gradcheck(mixed, xs), DTypeError);
}

TEST_CASE("gradcheck: includes batches of cotangents and forward mode") {
  // Sums over the first axis of g, even if that is a batch axis.
  const auto axis = wrong_square([](const Tensor& g, const Tensor& x) {
    return expand(sum(g, 0, true), g.shape()) * 0 + 2 * g * x + (sum(g, 0, true) - sum(g, -2, true));
  });
  const auto result = gradcheck(axis, four_points());
  CHECK_FALSE(result);
  CHECK_THAT(result.message, contains("a batch of cotangents gives other gradients") && contains("one by one"));
  CHECK(gradcheck(axis, four_points(), {.order = 1, .batched = false}));
  const auto shape = wrong_square([](const Tensor& g, const Tensor& x) { return reshape(g, {2, 2}) * 2 * x; });
  CHECK_THAT(gradcheck(shape, four_points()).message, contains("a batch of cotangents is refused"));
}

TEST_CASE("gradcheck: inputs in single precision are refused") {
  CHECK_THROWS_AS(gradcheck([](const Tensor& x) { return x; }, ones({2})), DTypeError);
}

TEST_CASE("gradcheck accepts a gradient that is 0 but for rounding") {
  // A bias before a normalisation, which subtracts it again.
  const Function centered = [](std::span<const Tensor> xs) { return tanh(batch_norm(linear(xs[0], xs[1], xs[2]))); };
  const Tensor xs[] = {random::normal({7, 4}, 0, 1, f64), random::normal({5, 4}, 0, 1, f64),
                       random::normal({5}, 0, 1, f64)};
  const auto result = gradcheck(centered, xs);
  INFO(result.message);
  CHECK(result.ok);
}
