// SPDX-License-Identifier: BSD-3-Clause
// Implicit derivatives against closed forms and differences. The operations are also in the table.
#include "arrays.hpp"
#include "autograd/transforms/agree.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/products.hpp>

#include <cmath>

using namespace newtape;

namespace {

using Method = LinearSolveOptions::Method;

const GradcheckOptions third{.order = 3};

}  // namespace

TEST_CASE("implicit: the square root as the root of an equation") {
  const auto root = [](const Tensor& theta) {
    return custom_root([](const Tensor& x, const Tensor& t) { return x * x - t; },
                       [](const Tensor& t) { return Tensor(sqrt(t).value()); }, theta);
  };
  const Tensor t = tensor({0.5, 2, 3}, f64);
  CHECK(agree(root(t), sqrt(t)));
  CHECK_FALSE(root(t).requires_grad());
  const UnaryFunction total = [&](const Tensor& theta) { return sum(root(theta)); };
  CHECK(agree(grad(total)(t), 0.5 / sqrt(t)));
  CHECK(agree(hessian_diag(total, t), -0.25 / (t * sqrt(t))));
  CHECK(agree(grad([&](const Tensor& x) { return sum(hessian_diag(total, x)); })(t), 0.375 / (t * t * sqrt(t))));
  CHECK(agree(jvp(root, t, ones({3}, f64)).second, 0.5 / sqrt(t)));
  CHECK(agree(jacobian(root, t), eye(3, f64) * (0.5 / sqrt(t))));
}

TEST_CASE("implicit: several unknowns and several parameters") {
  // x + 0.3 sum(tanh y) = a,  y - x_0 b = 0
  const Equation f = [](std::span<const Tensor> x, std::span<const Tensor> t) {
    return std::vector<Tensor>{x[0] + 0.3 * sum(tanh(x[1])) - t[0], x[1] - select(x[0], 0, 0) * t[1]};
  };
  const auto solver = [&](std::span<const Tensor> t) {
    Tensor x = t[0];
    Tensor y;
    for (int i = 0; i < 200; ++i) {
      y = select(x, 0, 0) * t[1];
      x = t[0] - 0.3 * sum(tanh(y));
    }
    return std::vector<Tensor>{x, y};
  };
  const std::vector<Tensor> theta{normal({2}, 1), 0.3 * normal({2, 2}, 2)};
  for (const auto method : {Method::automatic, Method::gmres, Method::bicgstab}) {
    const LinearSolveOptions options{.method = method, .tolerance = 1e-13};
    const Function g = [&](std::span<const Tensor> t) {
      const auto found = custom_root(f, solver, t, options);
      return sum(found[0] * found[0]) + sum(sin(found[1]));
    };
    const auto result = gradcheck(g, theta, {.order = method == Method::automatic ? 3 : 2});
    INFO(result.message);
    CHECK(result);
  }
}

TEST_CASE("implicit: the derivative is independent of the solver") {
  int calls = 0;
  const auto root = [&](const Tensor& theta) {
    return custom_root([](const Tensor& x, const Tensor& t) { return x * x * x - t; },
                       [&](const Tensor& t) {
                         ++calls;
                         CHECK_FALSE(grad_enabled());
                         CHECK_FALSE(t.requires_grad());
                         return tensor(2, f64);
                       },
                       theta);
  };
  const Tensor t = variable(tensor(8, f64));
  const Tensor g = grad(root(t), t, {.create_graph = true});
  CHECK(g.item() == Approx(1.0 / 12));
  CHECK(grad(g, t).item() == Approx(-1.0 / 144));
  CHECK(calls == 1);
}

TEST_CASE("implicit: derivative of ridge regression in the penalty") {
  // w(l) = argmin |X w - y|^2 + l |w|^2, a root of the gradient, which is symmetric in its own derivative.
  const Tensor x = normal({8, 3}, 3);
  const Tensor y = normal({8}, 4);
  const auto gram = [&](const Tensor& l) { return matmul(transpose(x), x) + l * eye(3, f64); };
  const UnaryFunction fitted = [&](const Tensor& log_l) {
    const auto objective = [&](const Tensor& w, const Tensor& s) {
      return sum(square(matmul(x, w) - y)) + exp(s) * sum(square(w));
    };
    return custom_root(
        [=](const Tensor& w, const Tensor& s) { return grad([&](const Tensor& v) { return objective(v, s); })(w); },
        [&](const Tensor& s) -> Tensor { return core::solve(gram(exp(s)).value(), matmul(transpose(x), y).value()); },
        log_l, {.method = Method::cg, .symmetric = true, .tolerance = 1e-13});
  };
  const Tensor s = tensor(0.3, f64);
  const Tensor l = exp(s);
  const auto [w, dw] = jvp(fitted, s, tensor(1, f64));
  // dw/dl = -(X^T X + l I)^-1 w.
  CHECK(agree(dw, -l * Tensor(core::solve(gram(l).value(), w.value()))));
  const auto result = gradcheck(fitted, s, {.order = 2});
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("implicit: fixed points") {
  const Tensor a = 0.3 * normal({4, 4}, 5);
  const auto map = [&](const Tensor& x, const Tensor& t) { return tanh(matmul(a, x) + t); };
  const Tensor t = normal({4}, 6);
  for (const int memory : {0, 1, 5}) {
    const UnaryFunction found = [&](const Tensor& theta) {
      return fixed_point(map, zeros({4}, f64), theta, {.memory = memory});
    };
    const Tensor x = found(t);
    CHECK(agree(x, map(x, t), 1e-11));
    const auto result = gradcheck(found, t, {.order = memory == 5 ? 3 : 1});
    INFO(result.message);
    CHECK(result);
  }
  // Kepler's equation, x = m + e sin x, in both its parameters.
  const std::vector<Tensor> kepler{tensor({0.3, 1.2}, f64), tensor(0.4, f64)};
  const Equation step = [](std::span<const Tensor> x, std::span<const Tensor> p) {
    return std::vector<Tensor>{p[0] + p[1] * sin(x[0])};
  };
  const std::vector<Tensor> start{zeros({2}, f64)};
  const Function anomaly = [&](std::span<const Tensor> p) { return fixed_point(step, start, p)[0]; };
  const Tensor x = anomaly(kepler);
  const auto g = grad(Function([&](std::span<const Tensor> p) { return sum(anomaly(p)); }))(kepler);
  CHECK(agree(g[0], 1 / (1 - 0.4 * cos(x))));
  CHECK(agree(g[1], sum(sin(x) / (1 - 0.4 * cos(x)))));
  CHECK(gradcheck(anomaly, kepler, third));
}

TEST_CASE("implicit: Anderson acceleration of a slow fixed point") {
  int calls = 0;
  const auto slow = [&](const Tensor& x, const Tensor& t) {
    ++calls;
    return 0.99 * x + t;
  };
  const Tensor t = tensor({1, 2}, f64);
  CHECK(agree(fixed_point(slow, zeros({2}, f64), t), 100 * t, 1e-8));
  CHECK(calls < 20);
}

TEST_CASE("implicit: linear systems given by matrix-vector products") {
  const Tensor a = normal({5, 5}, 7) + 4 * eye(5, f64);
  const Tensor b = normal({5}, 8);
  const LinearFunction matvec = [](const Tensor& v, std::span<const Tensor> theta) { return matmul(theta[0], v); };
  int solves = 0;
  int transposed = 0;
  CustomLinearSolveOptions own;
  own.solve = [&](const LinearMap& map, const Tensor& right) -> Tensor {
    ++solves;
    CHECK(agree(map(right), matmul(a, right)));
    return core::solve(a.value(), right.value());
  };
  own.transpose_solve = [&](const LinearMap& map, const Tensor& right) -> Tensor {
    ++transposed;
    CHECK(agree(map(right), matmul(transpose(a), right)));
    return core::solve(transpose(a).value(), right.value());
  };
  std::vector<CustomLinearSolveOptions> all(4);
  all[1].linear.method = Method::gmres;
  all[1].linear.tolerance = 1e-14;
  all[2].linear.method = Method::bicgstab;
  all[2].linear.tolerance = 1e-14;
  all[3] = own;
  for (const auto& options : all) {
    const Function f = [&](std::span<const Tensor> x) {
      return custom_linear_solve(matvec, x[0], x.subspan(1), options);
    };
    const std::vector<Tensor> at{b, a};
    CHECK(agree(matmul(a, f(at)), b));
    const Tensor g = normal({5}, 9);
    const auto back = vjp(f, at, g).second;  // A^-T g and -A^-T g x^T
    const Tensor l = core::solve(transpose(a).value(), g.value());
    CHECK(agree(back[0], l));
    CHECK(agree(back[1], -(unsqueeze(l, 1) * unsqueeze(f(at), 0))));
  }
  CHECK(solves > 0);
  CHECK(transposed > 0);
  const Function f = [&](std::span<const Tensor> x) { return custom_linear_solve(matvec, x[0], x.subspan(1)); };
  const std::vector<Tensor> at{b, a};
  const auto result = gradcheck(f, at, third);
  INFO(result.message);
  CHECK(result);
  // The inverse, one column of the Jacobian at a time or all at once.
  CHECK(agree(matmul(a, jacobian(f, at)[0]), eye(5, f64)));
}

TEST_CASE("implicit: a system without a solution is an error") {
  const auto flat = [](const LinearSolveOptions& options) {
    // x^2 = 0 has its root where the derivative is zero.
    const Tensor t = variable(zeros({2}, f64));
    const Tensor x = custom_root([](const Tensor& u, const Tensor& v) { return u * u - v; },
                                 [](const Tensor& v) { return zeros_like(v); }, t, options);
    return grad(sum(x), t);
  };
  CHECK_THROWS_AS(flat({}), NumericalError);
  CHECK_THROWS_WITH(flat({}), contains("custom_root: the linear system could not be solved") && contains("singular"));
  CHECK_THROWS_WITH(flat({.method = Method::gmres}), contains("gmres stopped after"));
  CHECK_THROWS_WITH(flat({.method = Method::cg, .symmetric = true}), contains("cg stopped after"));
  const auto nothing = [](const Tensor& v, std::span<const Tensor>) { return 0 * v; };
  CHECK_THROWS_WITH(custom_linear_solve(nothing, ones({2}, f64)), contains("custom_linear_solve"));
  CHECK_THROWS_WITH(fixed_point([](const Tensor& x, const Tensor& t) { return x + t; }, zeros({2}, f64), ones({2}, f64),
                                {.max_iterations = 20}),
                    contains("fixed_point: no convergence") && contains("20 iterations"));
  CHECK_THROWS_AS(fixed_point([](const Tensor& x, const Tensor&) { return sum(x); }, zeros({2}, f64), ones({2}, f64)),
                  ShapeError);
}

TEST_CASE("implicit: f32") {
  const Tensor t = variable(tensor({0.5, 2}, f32));
  const Tensor x = fixed_point([](const Tensor& u, const Tensor& v) { return 0.5 * (u + v / u); }, ones({2}), t);
  CHECK(x.dtype() == f32);
  const Tensor g = grad(sum(x), t);
  CHECK(g.dtype() == f32);
  CHECK(agree(g, 0.5 / sqrt(t), 1e-5));
}
