// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/table.hpp"

#include <newtape/autograd/ode/odeint.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/implicit.hpp>

#include <cmath>

namespace newtape::table {
namespace {

/// x^3 + x = t, elementwise.
long double cube_root(long double t) {
  long double x = 0;
  for (int i = 0; i < 100; ++i) x -= (x * x * x + x - t) / (3 * x * x + 1);
  return x;
}
Tensor root_of(const Tensor& theta, const LinearSolveOptions& options) {
  const auto equation = [](const Tensor& x, const Tensor& t) { return x * x * x + x - t; };
  const auto newton = [](const Tensor& t) {
    Tensor x = zeros_like(t);
    for (int i = 0; i < 100; ++i) x = x - (x * x * x + x - t) / (3 * x * x + 1);
    return x;
  };
  return custom_root(equation, newton, theta, options);
}
/// The same equation, with unknowns coupled through their sum.
Values by_elements(const std::vector<Values>& in) {
  Values x(in[0].shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = cube_root(in[0].data[i]);
  return x;
}

/// A(t) v = v (2 + t^2) + sum(v t) t: symmetric, positive definite. Its inverse by the Sherman-Morrison formula.
Tensor implicit_product(const Tensor& v, std::span<const Tensor> t) {
  return v * (2 + t[0] * t[0]) + sum(v * t[0]) * t[0];
}
Values sherman_morrison(const std::vector<Values>& in) {
  const auto& b = in[0].data;
  const auto& t = in[1].data;
  long double up = 0;
  long double down = 1;
  for (std::size_t i = 0; i < b.size(); ++i) {
    up += t[i] * b[i] / (2 + t[i] * t[i]);
    down += t[i] * t[i] / (2 + t[i] * t[i]);
  }
  Values x(in[0].shape);
  for (std::size_t i = 0; i < b.size(); ++i) x.data[i] = (b[i] - t[i] * up / down) / (2 + t[i] * t[i]);
  return x;
}
/// A(t) v = 3 v + t times the elements in reverse order: not symmetric, and decouples into 2 x 2 systems.
Tensor reversed(const Tensor& v, std::span<const Tensor> t) {
  const auto n = v.size();
  Array order = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) order.data<std::int64_t>()[i] = n - 1 - i;
  return 3 * v + t[0] * take(v, order, 0);
}
Values by_pairs(const std::vector<Values>& in) {
  const auto& b = in[0].data;
  const auto& t = in[1].data;
  Values x(in[0].shape);
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = n - 1 - i;
    x.data[i] = i == j ? b[i] / (3 + t[i]) : (3 * b[i] - t[i] * b[j]) / (9 - t[i] * t[j]);
  }
  return x;
}

Call solving(const LinearFunction& a, const CustomLinearSolveOptions& options) {
  return [=](Args& x) {
    const Tensor b = x[0];
    const std::vector<Tensor> theta{x[1]};
    return custom_linear_solve(a, b, theta, options);
  };
}
Call rooting(const LinearSolveOptions& options) {
  return [=](Args& x) { return root_of(x[0], options); };
}

/// y' = theta y from y0 at 0, at 0, 0.1 and 0.2: few steps, as a third derivative takes four nested integrations.
Call growth(OdeOptions::Method method) {
  return [=](Args& x) {
    const std::vector<Tensor> theta{x[1]};
    const OdeOptions options{.method = method, .rtol = theta[0].dtype() == f64 ? 1e-11 : 1e-6};
    return odeint_adjoint([](const Tensor&, const Tensor& y, std::span<const Tensor> k) { return k[0] * y; }, x[0],
                          tensor({0, 0.1, 0.2}, f64), theta, options);
  };
}
Values exponentials(const std::vector<Values>& in) {
  Shape shape = in[0].shape;
  shape.insert(0, 3);
  Values y(shape);
  const std::size_t n = in[0].data.size();
  for (std::size_t i = 0; i < 3 * n; ++i) {
    y.data[i] = in[0].data[i % n] * std::exp(in[1].data[i % n] * static_cast<long double>(i / n) / 10);
  }
  return y;
}

using Method = LinearSolveOptions::Method;

const Rows implicit{{
    {.name = "odeint_adjoint",
     .domains = {{.low = -1.5, .high = 1.5}, {.low = -1, .high = 1, .above = -2, .below = 2}},
     .samples = {{{{2}, {2}}, growth(OdeOptions::Method::dopri5), exponentials},
                 {{{1, 2}, {1, 2}}, growth(OdeOptions::Method::tsit5), exponentials},
                 {{{}, {}}, growth(OdeOptions::Method::dopri5), exponentials},
                 {{{0}, {0}}, growth(OdeOptions::Method::dopri5), exponentials}},
     .tolerance_scale = 1024,  // the tolerance of its steps
     .no_line = true},
    {.name = "custom_root",
     .domains = {{.low = -1.5, .high = 1.5}},
     .samples = {{{{3}}, rooting({}), by_elements},
                 {{{}}, rooting({}), by_elements},
                 {{{2, 2}}, rooting({.symmetric = true}), by_elements},
                 {{{3}}, rooting({.method = Method::gmres, .tolerance = 1e-14}), by_elements},
                 {{{0}}, rooting({}), by_elements}},
     .rejects = {{Error::shape, "custom_root: the function must return the shapes",
                  [] {
                    custom_root([](const Tensor& x, const Tensor&) { return sum(x); },
                                [](const Tensor& t) { return t; }, variable(zeros({3})));
                  }},
                 {Error::value, "custom_root: the function must not depend on variables other than its arguments",
                  [] {
                    const Tensor other = variable(zeros({3}));
                    custom_root([&](const Tensor& x, const Tensor& t) { return x - t * other; },
                                [](const Tensor& t) { return t; }, variable(zeros({3})));
                  }},
                 {Error::dtype, "custom_root",
                  [] {
                    custom_root([](const Tensor& x, const Tensor&) { return x; },
                                [](const Tensor& t) { return t.to(f64); }, variable(zeros({3})));
                  }}},
     .tolerance_scale = 4,
     .no_line = true},
    {.name = "custom_linear_solve",
     .domains = {{.low = -1, .high = 1}},
     .samples = {{{{3}, {3}}, solving(implicit_product, {.linear = {.symmetric = true}}), sherman_morrison},
                 {{{}, {}}, solving(implicit_product, {}), sherman_morrison},
                 {{{2, 2}, {2, 2}}, solving(implicit_product, {}), sherman_morrison},
                 {{{4}, {4}}, solving(reversed, {}), by_pairs},
                 {{{3}, {3}}, solving(reversed, {.linear = {.method = Method::gmres, .tolerance = 1e-15}}), by_pairs},
                 {{{0}, {0}}, solving(implicit_product, {}), sherman_morrison}},
     .rejects = {{Error::shape, "custom_linear_solve: the product must have the shape",
                  [] { custom_linear_solve([](const Tensor& v, auto) { return sum(v); }, ones({3})); }},
                 {Error::value, "custom_linear_solve: the function must not depend on variables",
                  [] {
                    const Tensor other = variable(ones({3}));
                    custom_linear_solve([&](const Tensor& v, auto) { return v * other; }, ones({3}));
                  }},
                 {Error::dtype, "custom_linear_solve",
                  [] { custom_linear_solve([](const Tensor& v, auto) { return v; }, arange(3)); }}},
     .tolerance_scale = 8,
     .no_line = true},
}};

}  // namespace
}  // namespace newtape::table
