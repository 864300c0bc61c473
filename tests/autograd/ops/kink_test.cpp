// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives of functions of a length where it is 0: right for smooth functions, never a silent 0 for others.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace newtape {
namespace {

/// A length r(x) of three numbers with r^2 = x^T form x, at a point where it is 0.
struct Length {
  std::string name;
  UnaryFunction r;
  Tensor form;
  Tensor zero;
};

/// Lengths whose gradient at 0 is 0.
std::vector<Length> lengths_of_one_op() {
  const Tensor one = eye(3, f64);
  const Tensor o = zeros({3}, f64);
  const Tensor mean_of_three = full({3, 3}, 1.0 / 3, f64);
  const Tensor first_two = one * tensor({1, 1, 0}, f64);
  return {
      {"norm", [](const Tensor& x) { return norm(x); }, one, o},
      {"norm along an axis",
       [](const Tensor& x) {
         return sum(norm(reshape(x, {1, 3}), 2, 1));
       },
       one, o},
      {"std", [](const Tensor& x) { return std(x); }, (one - mean_of_three) / 2.0, ones({3}, f64)},
      {"hypot", [](const Tensor& x) { return hypot(x[0], x[1]); }, first_two, o},
      {"cdist",
       [](const Tensor& x) {
         return sum(cdist(reshape(x, {1, 3}), zeros({1, 3}, f64)));
       },
       one, o},
      {"pairwise_distance", [](const Tensor& x) { return pairwise_distance(x, zeros({3}, f64), 2, 0); }, one, o},
      {"abs", [](const Tensor& x) { return abs(x[1]); }, one * tensor({0, 1, 0}, f64), o},
  };
}

/// Also those whose gradient at 0 is not finite.
std::vector<Length> lengths() {
  const Tensor one = eye(3, f64);
  const Tensor o = zeros({3}, f64);
  auto all = lengths_of_one_op();
  all.push_back({"sqrt of squares", [](const Tensor& x) { return sqrt(sum(square(x))); }, one, o});
  all.push_back({"power of x^T x", [](const Tensor& x) { return pow(dot(x, x), 0.5); }, one, o});
  all.push_back({"sqrt of a variance", [](const Tensor& x) { return sqrt(var(x)); },
                 (one - full({3, 3}, 1.0 / 3, f64)) / 2.0, ones({3}, f64)});
  return all;
}

struct Smooth {
  std::string name;
  UnaryFunction f;
  double second;  ///< f''(0)
  double fourth;  ///< of order four
};

std::vector<Smooth> even_functions() {
  return {
      {"r^2", [](const Tensor& r) { return square(r); }, 2, 0},
      {"r r", [](const Tensor& r) { return r * r; }, 2, 0},
      {"pow(r, 2)", [](const Tensor& r) { return pow(r, 2.0); }, 2, 0},
      {"r^4", [](const Tensor& r) { return pow(r, 4.0); }, 0, 24},
      {"exp(-r^2 / 2)", [](const Tensor& r) { return exp(-square(r) / 2.0); }, -1, 3},
      {"cos r", [](const Tensor& r) { return cos(r); }, -1, 1},
      {"cosh r", [](const Tensor& r) { return cosh(r); }, 1, 1},
      {"sqrt(1 + r^2)", [](const Tensor& r) { return sqrt(1.0 + square(r)); }, 1, -3},
      {"log(1 + r^2)", [](const Tensor& r) { return log1p(square(r)); }, 2, -12},
      {"(r^2 - 1)^2", [](const Tensor& r) { return square(square(r) - 1.0); }, -4, 24},
  };
}

bool has_nan(const Tensor& x) { return any(x != x).item<bool>(); }

TEST_CASE("kink: smooth functions of a length have their Hessian at 0") {
  for (const auto& length : lengths()) {
    for (const auto& smooth : even_functions()) {
      INFO(smooth.name << " of " << length.name);
      const UnaryFunction f = [&](const Tensor& x) { return smooth.f(length.r(x)); };
      const Tensor h = hessian(f, length.zero);
      CHECK(allclose(h, smooth.second * length.form, 0, 16 * epsilon(f64)));
      const Tensor v = tensor({1, -2, 3}, f64);
      CHECK(allclose(jvp(grad(f), length.zero, v).second, matmul(h, v), 0, 64 * epsilon(f64)));
      // An even function has no terms of order three.
      const UnaryFunction curvature = [&](const Tensor& x) { return sum(v * jvp(grad(f), x, v).second); };
      CHECK(allclose(grad(curvature)(length.zero), zeros({3}, f64), 0, 64 * epsilon(f64)));
    }
  }
}

/// The derivative of f along v, as a function.
UnaryFunction along(const UnaryFunction& f, const Tensor& v) {
  return [f, v](const Tensor& x) { return sum(v * grad(f)(x)); };
}

double product_of(const Length& length, const Tensor& a, const Tensor& b) {
  return sum(a * matmul(length.form, b)).item<double>();
}

TEST_CASE("kink: smooth functions of a length have their fourth and sixth derivative at 0") {
  const Tensor u = tensor({1, -2, 3}, f64);
  const Tensor v = tensor({2, 0.5, -1}, f64);
  for (const auto& length : lengths()) {
    const auto product = [&](const Tensor& a, const Tensor& b) { return product_of(length, a, b); };
    for (const auto& smooth : even_functions()) {
      INFO(smooth.name << " of " << length.name);
      const UnaryFunction f = [&](const Tensor& x) { return smooth.f(length.r(x)); };
      // f = F(r) has the fourth differential F(4)(0) / 24 r^4, with r^2 = x^T form x.
      const double expected = smooth.fourth / 3 * (2 * product(u, v) * product(u, v) + product(u, u) * product(v, v));
      const Tensor got = along(along(along(along(f, u), v), u), v)(length.zero);
      CHECK(allclose(got, expected, 1e-13, 1e-12));
    }
  }
  // x^6 by abs has the sixth derivative 6!, and none of order five.
  UnaryFunction higher = [](const Tensor& x) { return pow(abs(x), 6.0); };
  for (int order = 1; order <= 6; ++order) {
    higher = grad(higher);
    CHECK(allclose(higher(zeros({}, f64)), order == 6 ? 720.0 : 0.0, 1e-13, 0));
  }
}

TEST_CASE("kink: a function of a length and of variables has its mixed derivatives") {
  const Tensor v = tensor({1, -2, 3}, f64);
  for (const auto& length : lengths()) {
    INFO(length.name);
    const double square_of_v = sum(v * matmul(length.form, v)).item<double>();
    // r^2 exp(x_1 - z_1): along z + t v it is t^2 v^T form v (1 + t v_1 + t^2 v_1^2 / 2 + ..).
    const Tensor shift = length.zero[0];
    const UnaryFunction f = [&](const Tensor& x) { return square(length.r(x)) * exp(x[0] - shift); };
    CHECK(allclose(along(along(along(f, v), v), v)(length.zero), 6 * square_of_v, 0, 1e-12));
    CHECK(allclose(along(along(along(along(f, v), v), v), v)(length.zero), 12 * square_of_v, 0, 1e-12));
    const auto of_z = [&](int before) {
      const UnaryFunction g = [&, before](const Tensor& z) {
        UnaryFunction inner = [&](const Tensor& x) { return pow(length.r(x), 4.0) * z; };
        for (int i = 0; i < before; ++i) inner = along(inner, v);
        return inner(length.zero);
      };
      return grad(g)(tensor(1.0, f64));
    };
    CHECK(allclose(of_z(4), 24 * square_of_v * square_of_v, 1e-13, 0));
    CHECK(allclose(of_z(3), 0.0, 0, 0));
  }
  const Tensor z = variable(ones({}, f64));
  const Tensor x = variable(zeros({2}, f64));
  const auto through = [&](const std::vector<Tensor>& path) {
    Tensor y = pow(norm(x), 4.0) * z;
    for (const auto& by : path) {
      Tensor g = grad(y, by, {.create_graph = true, .allow_unused = true});
      y = by.ndim() == 0 ? g : g[0];
      if (!y.requires_grad()) return y;
    }
    return y;
  };
  for (const auto& path : std::vector<std::vector<Tensor>>{
           {z, x, x, x, x}, {x, z, x, x, x}, {x, x, z, x, x}, {x, x, x, z, x}, {x, x, x, x, z}}) {
    const double got = through(path).item<double>();
    CAPTURE(got);
    CHECK(std::abs(got - 24) < 1e-12);
  }
}

TEST_CASE("kink: odd powers of a length have no third derivative") {
  for (const auto& length : lengths()) {
    INFO(length.name);
    const UnaryFunction f = [&](const Tensor& x) { return pow(length.r(x), 3.0); };
    const Tensor v = tensor({1, -2, 3}, f64);
    CHECK(has_nan(grad(along(along(f, v), v))(length.zero)) == (length.name != "abs"));
  }
}

TEST_CASE("kink: the gradient is 0 and no second derivative is a silent 0") {
  for (const auto& length : lengths_of_one_op()) {
    INFO(length.name);
    CHECK(allclose(grad(length.r)(length.zero), zeros({3}, f64), 0, 0));
    // r and r exp(x_1): NaN, but for abs, whose second derivative is 0 on both sides.
    const UnaryFunction times_exp = [&](const Tensor& x) { return length.r(x) * exp(x[1]); };
    CHECK(has_nan(hessian(length.r, length.zero)) == (length.name != "abs"));
    CHECK(has_nan(hessian(times_exp, length.zero)) == (length.name != "abs"));
    // r r of two recordings is r^2: its Hessian cannot be told from one of them.
    CHECK(has_nan(hessian([&](const Tensor& x) { return length.r(x) * length.r(x); }, length.zero)));
  }
}

TEST_CASE("kink: functions of the square of a square root") {
  // Derivatives of f(sqrt(s)) by s at 0: cos(sqrt(s)) = 1 - s / 2 + s^2 / 24 - s^3 / 720 + .., and s^2.
  const auto check = [](const UnaryFunction& f, const std::vector<double>& expected) {
    UnaryFunction d = f;
    for (std::size_t order = 1; order <= expected.size(); ++order) {
      d = grad(d);
      // The first is 0 by convention, as a cotangent of 0 sends back 0, unless it is differentiated again.
      if (order > 1) CHECK(allclose(d(zeros({}, f64)), expected[order - 1], 1e-14, 0));
    }
  };
  check([](const Tensor& s) { return cos(sqrt(s)); }, {-0.5, 1.0 / 12, -1.0 / 120, 1.0 / 1680});
  check([](const Tensor& s) { return square(square(sqrt(s))); }, {0, 2, 0, 0});
  // A cotangent that does not depend on the root keeps 0.
  const Tensor s = variable(zeros({2}, f64));
  const Tensor y = sum(where(tensor({0, 1}, boolean), s, square(s) + tensor({0, 1}, f64) * sqrt(s)));
  const Tensor g = grad(y, s, {.create_graph = true});
  CHECK(allclose(g, tensor({0, 1}, f64), 0, 0));
  CHECK(allclose(grad(sum(g), s), tensor({2, 0}, f64), 0, 0));
}

TEST_CASE("kink: functions of several lengths") {
  const Tensor x = zeros({2, 3}, f64);
  const Tensor w = tensor({2, -3}, f64);
  const auto rows = [](const Tensor& t) { return norm(t, 2, 1); };
  const Tensor h = reshape(hessian([&](const Tensor& t) { return sum(w * square(rows(t))); }, x), {6, 6});
  CHECK(allclose(h, eye(6, f64) * tensor({4, 4, 4, -6, -6, -6}, f64), 0, 16 * epsilon(f64)));
  // (r_1 + r_2)^2 has none.
  CHECK(has_nan(hessian([&](const Tensor& t) { return square(sum(rows(t))); }, x)));
  // r_1^2 r_2^2 couples two elements of r in the fourth order: right, or NaN.
  const Tensor v = normal({2, 3}, 3);
  const UnaryFunction coupled = [&](const Tensor& t) { return prod(square(rows(t))); };
  CHECK(allclose(hessian(coupled, x), zeros({2, 3, 2, 3}, f64), 0, 0));
  const double fourth = along(along(along(along(coupled, v), v), v), v)(x).item<double>();
  CHECK(std::isnan(fourth));
  // As two operations they are right.
  const UnaryFunction apart = [](const Tensor& t) { return square(norm(t[0])) * square(norm(t[1])); };
  const double product = (sum(square(v[0])) * sum(square(v[1]))).item<double>();
  CHECK(allclose(along(along(along(along(apart, v), v), v), v)(x), 24 * product, 1e-12, 0));
  // A row that is left out has none to give.
  const Tensor kept = tensor({1, 0}, boolean);
  const Tensor at = tensor({{3, 4, 0}, {0, 0, 0}}, f64);
  const Tensor part = reshape(hessian([&](const Tensor& t) { return sum(where(kept, rows(t), 0.0)); }, at), {6, 6});
  CHECK_FALSE(has_nan(part));
  CHECK(allclose(part[{Slice(3, 6)}], zeros({3, 6}, f64), 0, 0));
}

TEST_CASE("kink: lengths at 0 beside lengths that are not have their mixed derivatives, in any order") {
  const auto partial = [](UnaryFunction f, const Tensor& x, const std::vector<int>& indices) {
    for (const int i : indices) {
      f = [f, i](const Tensor& t) { return reshape(grad(f)(t), {-1})[i]; };
    }
    return f(x).item<double>();
  };
  const auto rows = [](const Tensor& x) { return norm(x, 2, {1}); };
  // x0^2 x1^2, and (x0^2 + x1^2)^2.
  const UnaryFunction product = [&](const Tensor& x) { return prod(square(rows(x))); };
  const UnaryFunction squared = [&](const Tensor& x) { return sum(square(rows(x))) * sum(square(rows(x))); };
  const Tensor x = tensor({{0.}, {1.}}, f64);
  for (const std::vector<int>& indices : {std::vector<int>{0, 0, 1},
                                          {0, 1, 0},
                                          {1, 0, 0},
                                          {0, 0, 1, 1},
                                          {0, 1, 0, 1},
                                          {0, 1, 1, 0},
                                          {1, 0, 0, 1},
                                          {1, 0, 1, 0},
                                          {1, 1, 0, 0}}) {
    std::string name;
    for (const int i : indices) name += std::to_string(i);
    INFO("derivatives " << name);
    CHECK(partial(product, x, indices) == Approx(4).epsilon(1e-14));
    CHECK(partial(squared, x, indices) == Approx(8).epsilon(1e-14));
  }
}

TEST_CASE("kink: norms of other orders") {
  const Tensor o = zeros({2}, f64);
  CHECK(has_nan(hessian([](const Tensor& x) { return square(norm(x, 3)); }, o)));
  CHECK(allclose(hessian([](const Tensor& x) { return pow(norm(x, 4), 4.0); }, o), zeros({2, 2}, f64), 0, 0));
}

TEST_CASE("kink: an anomaly names the length") {
  const DetectAnomaly on;
  try {
    hessian([](const Tensor& x) { return norm(x); }, zeros({2}, f64));
    FAIL("no anomaly was found");
  } catch (const NumericalError& e) {
    CHECK_THAT(e.what(), contains("norm_grad") && contains("kink_test.cpp"));
  }
}

}  // namespace
}  // namespace newtape
