// SPDX-License-Identifier: BSD-3-Clause
// Transforms against closed forms, and their derivatives against differences.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <cmath>

using namespace newtape;

namespace {

bool close(const Tensor& a, const Tensor& b, double tolerance = 1e-12) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  if (a.size() == 0) return true;
  return max(abs(a.detach() - b.detach())).item() <= tolerance * (1 + max(abs(b.detach())).item());
}

/// sum(x_i^3 y_i) + x_0 y_0^2 ...: with simple mixed derivatives.
Tensor cubic(std::span<const Tensor> xs) { return sum(xs[0] * xs[0] * xs[0] * xs[1] + xs[0] * square(xs[1])); }

Tensor with_diagonal(const Tensor& d) { return unsqueeze(d, 1) * eye(d.size(), d.dtype()); }

Tensor scalar_product(const Tensor& a, const Tensor& b) { return sum(a * b); }

/// A small network from its parameters to its outputs [4, 2].
Tensor network(std::span<const Tensor> w) {
  static const Tensor data = normal({4, 3}, 100);
  return linear(tanh(linear(data, w[0], w[1])), w[2], w[3]);
}
std::vector<Tensor> weights(std::uint64_t seed) {
  return {normal({5, 3}, seed), normal({5}, seed + 1), normal({2, 5}, seed + 2), normal({2}, seed + 3)};
}
Tensor network_loss(std::span<const Tensor> w) { return mean(square(network(w) - normal({4, 2}, 101))); }

}  // namespace

TEST_CASE("transforms: gradients nest") {
  const UnaryFunction f = [](const Tensor& x) { return sin(x); };
  const Tensor x = tensor(0.7, f64);
  CHECK(grad(f)(x).item() == Approx(std::cos(0.7)));
  CHECK(grad(grad(f))(x).item() == Approx(-std::sin(0.7)));
  CHECK(grad(grad(grad(grad(f))))(x).item() == Approx(std::sin(0.7)));
  const auto [y, g] = value_and_grad(f, x);
  CHECK(y.item() == Approx(std::sin(0.7)));
  CHECK(g.item() == Approx(std::cos(0.7)));
  CHECK_FALSE(y.requires_grad());
  CHECK_FALSE(g.requires_grad());
}

TEST_CASE("transforms: partial derivatives of several inputs are independent") {
  const Tensor x = normal({3}, 1);
  const Tensor y = normal({3}, 2);
  const std::vector<Tensor> xs{x, y};
  const auto g = grad(Function(cubic))(xs);
  CHECK(close(g[0], 3 * x * x * y + y * y));
  CHECK(close(g[1], x * x * x + 2 * x * y));
  // Also where one input depends on another, or is the same tensor.
  const Tensor v = variable(x);
  const std::vector<Tensor> tied{v, v};
  const auto both = grad(Function(cubic))(tied);
  CHECK(close(both[0], 3 * x * x * x + x * x));
  CHECK(close(both[1], x * x * x + 2 * x * x));
  const std::vector<Tensor> made{v, v * 2};
  CHECK(close(grad(Function(cubic))(made)[0], 6 * x * x * x + 4 * x * x));
}

TEST_CASE("transforms: results are recorded only when something outside is") {
  const Tensor x = normal({3}, 1);
  const Tensor a = variable(normal({3}, 2));
  const auto f = [&](const Tensor& t) { return sum(a * t * t * t); };
  SECTION("a captured variable") {
    const Tensor g = grad(f)(x);  // 3 a x^2
    REQUIRE(g.requires_grad());
    CHECK(close(grad(sum(g), a), 3 * x * x));
    CHECK(close(grad(sum(hessian(f, x)), a), 6 * x));
  }
  SECTION("the input") {
    const Tensor v = variable(x);
    const Tensor h = hvp(f, v, ones({3}, f64)).second;  // 6 a x
    CHECK(close(grad(sum(h), v, {.retain_graph = true}), 6 * a));
    CHECK(close(grad(sum(h), a), 6 * x));
  }
  SECTION("the vector") {
    const Tensor v = variable(ones({3}, f64));
    const auto constant = [](const Tensor& t) { return sum(t * t * t); };
    CHECK(close(grad(sum(hvp(constant, x, v).second), v), 6 * x));
    CHECK(close(grad(sum(jvp([](const Tensor& t) { return t * t; }, x, v).second), v), 2 * x));
    CHECK(close(grad(sum(vjp([](const Tensor& t) { return t * t; }, x, v).second), v), 2 * x));
  }
  SECTION("nothing when recording is off") {
    const NoGrad off;
    CHECK_FALSE(grad(f)(variable(x)).requires_grad());
    CHECK_FALSE(hessian(f, variable(x)).requires_grad());
    CHECK_FALSE(jvp(f, x, x).second.requires_grad());
    CHECK_FALSE(value_and_grad(f, x).first.requires_grad());
  }
  SECTION("a function of constants only") {
    const auto [y, h] = hvp([](const Tensor& t) { return sum(exp(t)); }, x, x);
    CHECK_FALSE(y.requires_grad());
    CHECK_FALSE(h.requires_grad());
  }
}

TEST_CASE("transforms: all are differentiable, checked by differences") {
  const Tensor x = normal({2, 3}, 3);
  const Tensor v = normal({2, 3}, 4);
  const UnaryFunction field = [](const Tensor& t) { return tanh(t) * sum(t * t, -1, true); };
  const UnaryFunction number = [](const Tensor& t) { return sum(exp(t * 0.5) * sin(t)) * sum(t); };
  const UnaryFunction rows = [](const Tensor& t) { return sum(sin(t), -1) * sum(square(t), -1); };
  const auto check = [](const Function& f, const std::vector<Tensor>& xs) {
    const auto result = gradcheck(f, xs, {.order = 2});
    INFO(result.message);
    CHECK(result);
  };
  check([&](auto xs) { return jvp(field, xs[0], xs[1]).second; }, {x, v});
  check([&](auto xs) { return vjp(field, xs[0], xs[1]).second; }, {x, v});
  check([&](auto xs) { return hvp(number, xs[0], xs[1]).second; }, {x, v});
  check(
      [&](auto xs) {
        return gnvp(
                   field, [](const Tensor& y) { return sum(exp(y * 0.1)); }, xs[0], xs[1])
            .second;
      },
      {x, v});
  check([&](auto xs) { return laplacian(rows, xs[0]); }, {x});
  check([&](auto xs) { return divergence(field, xs[0]); }, {x});
  check([&](auto xs) { return jacobian(field, xs[0], {.chunk = 4}); }, {x});
  check([&](auto xs) { return jacobian(field, xs[0], {.mode = JacobianOptions::Mode::forward}); }, {x});
  check([&](auto xs) { return hessian(number, xs[0], {.chunk = 4}); }, {x});
  check([&](auto xs) { return hessian_diag(number, xs[0]); }, {x});
  check([&](auto xs) { return hessian_matrix(cubic, xs); }, {x, v});
}

TEST_CASE("transforms: they compose") {
  const Tensor x = normal({3}, 5);
  const Tensor v = normal({3}, 6);
  const Tensor u = normal({3}, 7);
  const UnaryFunction f = [](const Tensor& t) { return sum(t * t * t * t); };
  // <x^4>: derivative along v, 4 x^3 v; its Hessian, diag(24 x v).
  CHECK(close(hessian([&](const Tensor& t) { return jvp(f, t, v).second; }, x), with_diagonal(24 * x * v)));
  CHECK(close(grad([&](const Tensor& t) { return scalar_product(hvp(f, t, v).second, u); })(x), 24 * x * v * u));
  CHECK(close(jvp([&](const Tensor& t) { return hvp(f, t, v).second; }, x, u).second, 24 * x * v * u));
  CHECK(close(jacobian([&](const Tensor& t) { return hessian_diag(f, t); }, x), with_diagonal(24 * x)));
  const auto taylor = [&](const Tensor& t) {
    return jvp([&](const Tensor& s) { return jvp(f, s, v).second; }, t, v).second;
  };
  CHECK(close(taylor(x), sum(12 * x * x * v * v)));
  CHECK(jacobian([&](const Tensor& t) { return hessian(f, t); }, x).shape() == Shape{3, 3, 3});
}

TEST_CASE("transforms: products with the Jacobian") {
  const Tensor a = normal({4, 3}, 8);
  const UnaryFunction f = [&](const Tensor& t) { return matmul(a, sin(t)); };
  const Tensor x = normal({3}, 9);
  const Tensor v = normal({3}, 10);
  const Tensor g = normal({4}, 11);
  const auto [y, forward] = jvp(f, x, v);
  CHECK(close(y, matmul(a, sin(x))));
  CHECK(close(forward, matmul(a, cos(x) * v)));
  CHECK(close(vjp(f, x, g).second, matmul(transpose(a), g) * cos(x)));
  // A batch of tangents, and of cotangents.
  const Tensor vs = normal({2, 5, 3}, 12);
  CHECK(close(jvp(f, x, vs).second, matmul(cos(x) * vs, transpose(a))));
  const Tensor gs = normal({5, 4}, 13);
  CHECK(close(vjp(f, x, gs).second, matmul(gs, a) * cos(x)));
}

TEST_CASE("transforms: several results") {
  const MultiFunction f = [](std::span<const Tensor> xs) {
    return std::vector<Tensor>{xs[0] * xs[1], sum(square(xs[0])), tensor({5}, f64)};
  };
  const std::vector<Tensor> xs{normal({3}, 14), normal({3}, 15)};
  const std::vector<Tensor> vs{normal({3}, 16), normal({3}, 17)};
  const std::vector<Tensor> gs{normal({3}, 18), normal({}, 19), normal({1}, 20)};
  const auto [y, forward] = jvp(f, xs, vs);
  REQUIRE(y.size() == 3);
  CHECK(close(forward[0], xs[0] * vs[1] + xs[1] * vs[0]));
  CHECK(close(forward[1], 2 * scalar_product(xs[0], vs[0])));
  CHECK(close(forward[2], zeros({1}, f64)));
  const auto back = vjp(f, xs, gs).second;
  CHECK(close(back[0], gs[0] * xs[1] + 2 * gs[1] * xs[0]));
  CHECK(close(back[1], gs[0] * xs[0]));
  for (const auto mode : {JacobianOptions::Mode::reverse, JacobianOptions::Mode::forward}) {
    const auto j = jacobian(f, xs, {.mode = mode});
    CHECK(close(j[0][0], with_diagonal(xs[1])));
    CHECK(close(j[0][1], with_diagonal(xs[0])));
    CHECK(close(j[1][0], 2 * xs[0]));
    CHECK(close(j[1][1], zeros({3}, f64)));
    CHECK(close(j[2][0], zeros({1, 3}, f64)));
  }
  const Linearization at(f, xs);
  CHECK(close(at.values()[0], xs[0] * xs[1]));
  CHECK(close(at.jvp(vs)[0], forward[0]));
  CHECK(close(at.jvp(vs)[1], forward[1]));
  CHECK(close(at.vjp(gs)[0], back[0]));
  CHECK(close(at.vjp(gs)[0], back[0]));
}

TEST_CASE("transforms: Jacobians have the shape of the result, then that of the input") {
  const Tensor x = normal({2, 3}, 21);
  const UnaryFunction f = [](const Tensor& t) { return matmul(transpose(t), t * t); };  // [3, 3]
  const Tensor reverse = jacobian(f, x, {.mode = JacobianOptions::Mode::reverse});
  CHECK(reverse.shape() == Shape{3, 3, 2, 3});
  for (const std::int64_t chunk : {0, 1, 2, 4, 100}) {
    CHECK(close(jacobian(f, x, {.mode = JacobianOptions::Mode::reverse, .chunk = chunk}), reverse));
    CHECK(close(jacobian(f, x, {.mode = JacobianOptions::Mode::forward, .chunk = chunk}), reverse));
  }
  // Its products are those of vjp and jvp.
  const Tensor v = normal({2, 3}, 22);
  CHECK(close(sum(reverse * v, {2, 3}), jvp(f, x, v).second));
  // A tall Jacobian is computed by columns, that of a constant function is zero.
  CHECK(close(jacobian(
                  [](const Tensor& t) {
                    return expand(t, {50, 1}) * 2;
                  },
                  tensor({3}, f64)),
              full({50, 1, 1}, 2, f64)));
  CHECK(close(jacobian([](const Tensor&) { return ones({2}, f64); }, x), zeros({2, 2, 3}, f64)));
  CHECK(jacobian(f, zeros({0, 3}, f64)).shape() == Shape{3, 3, 0, 3});
  CHECK(jacobian([](const Tensor& t) { return slice(t, 0, 0, 0); }, x).shape() == Shape{0, 3, 2, 3});
  CHECK(jacobian(f, normal({2, 3}, 1, f32)).dtype() == f32);
}

TEST_CASE("transforms: Hessians") {
  const Tensor a = normal({4, 4}, 23);
  const UnaryFunction quadratic = [&](const Tensor& t) { return 0.5 * scalar_product(t, matmul(a, t)); };
  const Tensor x = normal({4}, 24);
  const Tensor half = 0.5 * (a + transpose(a));
  for (const auto mode : {JacobianOptions::Mode::reverse, JacobianOptions::Mode::forward}) {
    CHECK(close(hessian(quadratic, x, {.mode = mode}), half));
    CHECK(close(hessian(quadratic, x, {.mode = mode, .chunk = 3}), half));
  }
  CHECK(close(hessian_diag(quadratic, x), sum(half * eye(4, f64), 0)));
  CHECK(close(hessian_diag(quadratic, x, {.chunk = 3}), sum(half * eye(4, f64), 0)));
  CHECK(close(hvp(quadratic, x, x).second, matmul(half, x)));
  CHECK(close(vhp(quadratic, x, x).second, matmul(half, x)));
  // Blocks of several inputs, and all of them as one matrix.
  const std::vector<Tensor> xs{normal({3}, 25), normal({3}, 26)};
  const auto blocks = hessian(cubic, xs);
  CHECK(close(blocks[0][0], with_diagonal(6 * xs[0] * xs[1])));
  CHECK(close(blocks[0][1], with_diagonal(3 * square(xs[0]) + 2 * xs[1])));
  CHECK(close(blocks[1][0], blocks[0][1]));
  CHECK(close(blocks[1][1], with_diagonal(2 * xs[0])));
  const Tensor all = hessian_matrix(cubic, xs, {.chunk = 2});
  CHECK(close(
      all,
      concatenate({concatenate({blocks[0][0], blocks[0][1]}, 1), concatenate({blocks[1][0], blocks[1][1]}, 1)}, 0)));
  CHECK(close(all,
              hessian([&](const Tensor& t) { return cubic(vector_to_parameters(t, xs)); }, parameters_to_vector(xs))));
  // Linear in one input: its block is zero.
  const auto linear_blocks =
      hessian(Function([](std::span<const Tensor> t) { return scalar_product(t[0], t[1]); }), xs);
  CHECK(close(linear_blocks[0][0], zeros({3, 3}, f64)));
  CHECK(close(linear_blocks[0][1], eye(3, f64)));
}

TEST_CASE("transforms: Hessian and Gauss-Newton products of a network") {
  const auto w = weights(30);
  const auto v = weights(40);
  const Tensor h = hessian_matrix(network_loss, w);
  CHECK(close(h, transpose(h)));
  const Tensor wanted = matmul(h, parameters_to_vector(v));
  CHECK(close(parameters_to_vector(hvp(network_loss, w, v).second), wanted));
  const HessianProduct at(network_loss, w);
  CHECK(close(at.value(), network_loss(w)));
  CHECK(close(parameters_to_vector(at.gradient()), parameters_to_vector(grad(Function(network_loss))(w))));
  for (int i = 0; i < 2; ++i) CHECK(close(parameters_to_vector(at(v)), wanted));
  // A batch of vectors.
  std::vector<Tensor> vs;
  for (const auto& x : v) vs.push_back(stack({x, 2 * x, -x}, 0));
  const auto products = at(vs);
  for (std::size_t i = 0; i < v.size(); ++i) CHECK(close(select(products[i], 0, 1), 2 * at(v)[i]));

  // J as a matrix [8, n]; the mean of squares over 8 outputs has the Hessian I / 4.
  std::vector<Tensor> columns;
  for (const auto& j : jacobian(Function(network), w)) columns.push_back(reshape(j, {8, -1}));
  const Tensor j = concatenate(columns, 1);
  const Tensor jtj = matmul(transpose(j), matmul(j, parameters_to_vector(v)));
  CHECK(close(parameters_to_vector(gnvp(network, w, v).second), jtj));
  const UnaryFunction loss = [](const Tensor& y) { return mean(square(y - normal({4, 2}, 101))); };
  CHECK(close(parameters_to_vector(gnvp(network, loss, w, v).second), 0.25 * jtj));
}

TEST_CASE("transforms: fields") {
  const Tensor x = normal({4, 3}, 50);
  // Row by row: |x|^4 in three dimensions has the Laplacian 20 |x|^2.
  const UnaryFunction f = [](const Tensor& t) { return square(sum(t * t, -1)); };
  CHECK(close(laplacian(f, x), 20 * sum(x * x, -1)));
  CHECK(close(laplacian(f, select(x, 0, 1)), 20 * sum(square(select(x, 0, 1)))));
  CHECK(close(divergence([](const Tensor& t) { return t * t; }, x), 2 * sum(x, -1)));
  CHECK(laplacian(f, zeros({0, 3}, f64)).shape() == Shape{0});
  CHECK_THROWS_WITH(laplacian([](const Tensor& t) { return sum(t); }, x), contains("laplacian") && contains("[4]"));
  CHECK_THROWS_AS(divergence([](const Tensor& t) { return sum(t, -1); }, x), ShapeError);
  CHECK_THROWS_AS(laplacian(f, tensor(1, f64)), ShapeError);
}

TEST_CASE("transforms: the gradient of every sample") {
  const auto w = weights(60);
  const Tensor data = normal({11, 3}, 61);
  const Tensor target = normal({11, 2}, 62);
  const SampleLoss loss = [](std::span<const Tensor> p, std::span<const Tensor> batch) {
    return sum(square(linear(tanh(linear(batch[0], p[0], p[1])), p[2], p[3]) - batch[1]), -1);
  };
  const std::vector<Tensor> batch{data, target};
  for (const std::int64_t chunk : {0, 1, 4, 50}) {
    const auto each = per_sample_grad(loss, w, batch, chunk);
    for (std::int64_t i = 0; i < 11; ++i) {
      const std::vector<Tensor> sample{slice(data, 0, i, i + 1), slice(target, 0, i, i + 1)};
      const auto g = grad(Function([&](std::span<const Tensor> p) { return sum(loss(p, sample)); }))(w);
      for (std::size_t k = 0; k < w.size(); ++k) CHECK(close(select(each[k], 0, i), g[k]));
    }
  }
  const std::vector<Tensor> empty{zeros({0, 3}, f64), zeros({0, 2}, f64)};
  CHECK(per_sample_grad(loss, w, empty)[0].shape() == Shape{0, 5, 3});
  const std::vector<Tensor> uneven{data, zeros({10, 2}, f64)};
  CHECK_THROWS_AS(per_sample_grad(loss, w, uneven), ShapeError);
  const SampleLoss total = [&](auto p, auto b) { return sum(loss(p, b)); };
  CHECK_THROWS_WITH(per_sample_grad(total, w, batch), contains("one loss for each sample"));
}

TEST_CASE("transforms: errors name the transform") {
  const Tensor x = normal({3}, 70);
  const UnaryFunction f = [](const Tensor& t) { return t * t; };
  CHECK_THROWS_WITH(grad(f)(x), contains("grad") && contains("scalar") && contains("[3]"));
  CHECK_THROWS_WITH(hessian(f, x), contains("hessian") && contains("scalar"));
  CHECK_THROWS_WITH(hvp(f, x, x), contains("hvp") && contains("scalar"));
  CHECK_THROWS_WITH(jvp(f, x, ones({2}, f64)), contains("jvp") && contains("[3]") && contains("[2]"));
  CHECK_THROWS_AS(jvp(f, x, ones({3}, f32)), DTypeError);
  CHECK_THROWS_WITH(vjp(f, x, ones({2}, f64)), contains("vjp") && contains("cotangent"));
  CHECK_THROWS_AS(jacobian(f, arange(3)), DTypeError);
  CHECK_THROWS_AS(jacobian(f, Tensor()), DTypeError);
  CHECK_THROWS_WITH(jacobian([](const Tensor& t) { return t > 0; }, x), contains("must return floats"));
  const std::vector<Tensor> two{x, x};
  CHECK_THROWS_AS(jvp(cubic, two, std::span(&x, 1)), ValueError);
  CHECK_THROWS_AS(vector_to_parameters(x, two), ShapeError);
  const std::vector<Tensor> mixed{x, ones({3}, f32)};
  CHECK_THROWS_AS(hessian_matrix([](auto t) { return sum(t[0]); }, mixed), DTypeError);
  CHECK_THROWS_AS(hvp(cubic, two, std::vector<Tensor>{stack({x, x}, 0), x}), ShapeError);
}
