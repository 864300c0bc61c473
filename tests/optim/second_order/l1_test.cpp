// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/second_order/l1.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using optim::Status;

namespace {

using Solve = optim::Result (*)(const nt::UnaryFunction&, const nt::Tensor&, const optim::L1Options&);
const std::vector<std::pair<const char*, Solve>> methods = {
    {"fista",
     [](const nt::UnaryFunction& f, const nt::Tensor& x, const optim::L1Options& o) { return optim::fista(f, x, o); }},
    {"owl_qn", [](const nt::UnaryFunction& f, const nt::Tensor& x, const optim::L1Options& o) {
       return optim::owl_qn(f, x, o);
     }}};

/// Violation of the optimality conditions at x: the gradient of f is -l1 sign(x_i), or in [-l1, l1] where x_i is 0.
double violation(const nt::UnaryFunction& f, const nt::Tensor& at, double l1) {
  const nt::Tensor x = nt::variable(at);
  f(x).backward();
  const nt::Tensor g = x.grad();
  const nt::Tensor off = nt::where(at == 0, nt::maximum(nt::abs(g) - l1, 0), nt::abs(g + l1 * nt::sign(at)));
  return nt::max(off).item();
}
std::int64_t zeros(const nt::Tensor& x) { return nt::sum(x == 0).item<std::int64_t>(); }

/// Least squares in 60 unknowns, with columns of lengths from 1 to 1/20.
struct ScaledLasso {
  nt::Tensor a = normal({80, 60}, 1) / (1.0 + nt::arange(60, nt::f64) / 3.0);
  nt::Tensor b = nt::matmul(a, normal({60}, 2)) + 0.1 * normal({80}, 3);
  nt::Tensor operator()(const nt::Tensor& x) const { return 0.5 * nt::sum(nt::square(nt::matmul(a, x) - b)); }
};

}  // namespace

TEST_CASE("fista and owl_qn: with orthonormal columns, the lasso's solution is a soft-thresholded projection") {
  const nt::Array q = nt::core::qr(normal({30, 10}, 1).value()).q;
  const nt::Tensor b = normal({30}, 2);
  const nt::UnaryFunction f = [&](const nt::Tensor& x) {
    return 0.5 * nt::sum(nt::square(nt::matmul(nt::Tensor(q), x) - b));
  };
  const nt::Tensor z = nt::matmul(nt::transpose(nt::Tensor(q)), b);
  const nt::Tensor want = nt::sign(z) * nt::maximum(nt::abs(z) - 0.5, 0);
  CHECK(zeros(want) > 1);
  for (const auto& [name, solve] : methods) {
    INFO(name);
    const auto r = solve(f, normal({10}, 5), {.l1 = 0.5, .stop = {.gradient_tolerance = 1e-12}});
    INFO(optim::to_string(r));
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(distance(r.x().value(), want.value()) < 1e-12);
    CHECK(zeros(r.x()) == zeros(want));
    CHECK(r.value == Approx(f(want).item() + 0.5 * nt::sum(nt::abs(want)).item()).epsilon(1e-12));
    CHECK(r.gradient <= 1e-12);
  }
}

TEST_CASE("fista and owl_qn meet the conditions of the optimum on an ill-conditioned problem") {
  const ScaledLasso f;
  std::vector<optim::Result> results;
  for (const auto& [name, solve] : methods) {
    INFO(name);
    for (const double l1 : {0.01, 0.3}) {
      const auto r = solve(f, nt::zeros({60}, nt::f64), {.l1 = l1});
      INFO(optim::trace_header() + "\n" + optim::to_string(r.trace.back()) + "\n" + r.message);
      CHECK(r.converged());
      CHECK(violation(f, r.x(), l1) < 1e-8);
      CHECK(r.gradient == Approx(violation(f, r.x(), l1)).margin(1e-12));
      CHECK(r.iterations + 1 == static_cast<std::int64_t>(r.trace.size()));
      if (l1 == 0.3) CHECK(zeros(r.x()) > 10);
      results.push_back(r);
    }
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(distance(results[i].x().value(), results[i + 2].x().value()) < 1e-6);
    CHECK(zeros(results[i].x()) == zeros(results[i + 2].x()));
  }
  CHECK(results[2].iterations < results[0].iterations);
  CHECK(results[0].iterations < 2000);
}

TEST_CASE("fista's restarts bring back the linear rate of a strongly convex function") {
  const nt::Tensor curvature = nt::exp(nt::arange(20, nt::f64) * (-std::log(1e3) / 19));
  const nt::Tensor b = normal({20}, 4);
  const auto f = [&](const nt::Tensor& x) { return nt::sum(curvature * nt::square(x) - b * x); };
  const nt::Tensor start = nt::zeros({20}, nt::f64);
  const auto with = optim::fista(f, start, {.l1 = 0.05});
  const auto without = optim::fista(f, start, {.l1 = 0.05, .restart = false, .stop = {.max_iterations = 5000}});
  CHECK(with.converged());
  INFO(with.iterations << " " << without.iterations);
  CHECK(2 * with.iterations < without.iterations);
  // Each coordinate by itself: 2 c x - b + l1 sign(x) = 0.
  const nt::Tensor want = nt::sign(b) * nt::maximum(nt::abs(b) - 0.05, 0) / (2.0 * curvature);
  CHECK(distance(with.x().value(), want.value()) < 1e-5);
}

TEST_CASE("fista and owl_qn: sparse logistic regression, with a bias that is not penalised") {
  const auto set = nt::data::breast_cancer();
  const nt::Tensor raw = set.features();
  const nt::Tensor x = (raw - nt::mean(raw, 0)) / nt::std(raw, 0);
  const nt::Tensor y = 2.0 * nt::Tensor(set.target()).to(nt::f64) - 1.0;
  const nt::Function loss = [&](std::span<const nt::Tensor> w) {
    return nt::mean(nt::softplus(-y * (nt::matmul(x, w[0]) + w[1])));
  };
  const std::vector<nt::Tensor> start = {nt::zeros({30}, nt::f64), nt::zeros({}, nt::f64)};
  const optim::L1Options options{.l1 = 0.02, .weights = {nt::tensor(1, nt::f64), nt::tensor(0, nt::f64)}};
  const auto a = optim::fista(loss, start, options);
  const auto b = optim::owl_qn(loss, start, options);
  for (const auto* r : {&a, &b}) {
    INFO(r->message);
    CHECK(r->converged());
    CHECK(zeros(r->xs[0]) >= 15);
    CHECK(zeros(r->xs[0]) < 28);
    CHECK(violation([&](const nt::Tensor& w) { return loss(std::vector{w, r->xs[1]}); }, r->xs[0], 0.02) < 1e-8);
    CHECK(violation([&](const nt::Tensor& c) { return loss(std::vector{r->xs[0], c}); }, r->xs[1], 0) < 1e-8);
  }
  CHECK(a.value == Approx(b.value).epsilon(1e-12));

  // The same with the parameters of a model.
  const nt::Parameter w(nt::zeros({30}, nt::f64));
  const nt::Parameter c(nt::zeros({}, nt::f64));
  const auto of_cells = [&] { return loss(std::vector<nt::Tensor>{w, c}); };
  const auto r = optim::owl_qn(of_cells, std::vector{w, c}, options);
  CHECK(identical(w.value(), b.xs[0].value()));
  CHECK(r.iterations == b.iterations);
}

TEST_CASE("fista and owl_qn without a penalty minimise a smooth function, in f32 too") {
  for (const auto& [name, solve] : methods) {
    INFO(name);
    const auto rosenbrock = [](const nt::Tensor& x) {
      const nt::Tensor a = nt::select(x, 0, 0);
      const nt::Tensor b = nt::select(x, 0, 1);
      return nt::square(1.0 - a) + 100.0 * nt::square(b - a * a);
    };
    const auto r = solve(rosenbrock, nt::tensor({-1.2, 1}, nt::f64), {});
    INFO(optim::to_string(r.trace.back()) + r.message);
    CHECK(r.converged());
    CHECK(distance(r.x().value(), nt::tensor({1, 1}, nt::f64).value()) < 1e-6);

    const nt::Tensor b = nt::tensor({3, -0.2, 0.5, -2});
    const auto quadratic = [&](const nt::Tensor& x) { return 0.5 * nt::sum(nt::square(x - b)); };
    const auto s = solve(quadratic, nt::zeros({4}), {.l1 = 0.5});
    CHECK(s.converged());
    CHECK(distance(s.x().value(), nt::tensor({2.5, 0, 0, -1.5}).value()) < 1e-5);
  }
}

TEST_CASE("fista and owl_qn report why they stopped") {
  const ScaledLasso f;
  const nt::Tensor start = nt::zeros({60}, nt::f64);
  for (const auto& [name, solve] : methods) {
    INFO(name);
    // A penalty that outweighs every gradient: the start is the solution.
    const auto none = solve(f, start, {.l1 = 1e4});
    CHECK(none.status == Status::gradient_tolerance);
    CHECK(none.iterations == 0);
    CHECK(solve(f, start, {.l1 = 0.1, .stop = {.max_iterations = 3}}).status == Status::max_iterations);
    CHECK(solve(f, start, {.l1 = 0.1, .stop = {.max_evaluations = 8}}).status == Status::max_evaluations);
    CHECK(solve(f, start, {.l1 = 0.1, .stop = {.max_seconds = 1e-9}}).status == Status::max_seconds);
    CHECK(solve(f, start, {.l1 = 0.1, .stop = {.step_tolerance = 1e-2}}).status == Status::step_tolerance);
    CHECK(solve(f, start, {.l1 = 0.1, .stop = {.value_tolerance = 1e-2}}).status == Status::value_tolerance);
    int seen = 0;
    const auto stopped =
        solve(f, start, {.l1 = 0.1, .stop = {.callback = [&](const optim::Iteration& i, const auto& xs) {
                                      CHECK(i.index == seen);
                                      CHECK(xs.size() == 1);
                                      return ++seen < 4;
                                    }}});
    CHECK(stopped.status == Status::callback);
    CHECK(seen == 4);

    const auto line = [](const nt::Tensor& x) { return -1.0 * nt::sum(x); };
    CHECK(solve(line, start, {.l1 = 0.5, .stop = {.unbounded_below = -1e6}}).status == Status::unbounded);
    CHECK(solve(line, start, {.l1 = 1.5}).status == Status::gradient_tolerance);
    const auto nan = [](const nt::Tensor& x) { return nt::sum(nt::log(x)); };
    CHECK(solve(nan, start - 1.0, {.l1 = 0.5}).status == Status::not_finite);
    const auto wrong = [](const nt::Tensor& x) { return nt::sum(2.0 * nt::square(x).detach() - nt::square(x)); };
    const auto r = solve(wrong, nt::ones({3}, nt::f64), {.l1 = 0.01});
    INFO(r.message);
    CHECK(r.status == Status::wrong_gradient);
    CHECK(identical(r.x().value(), nt::ones({3}, nt::f64).value()));
    // A bounded domain: log(x) for x > 0.
    const auto barrier = [](const nt::Tensor& x) { return nt::sum(x - nt::log(x)); };
    const auto inside = solve(barrier, nt::full({2}, 30, nt::f64), {.l1 = 0.5});
    CHECK(inside.converged());
    CHECK(distance(inside.x().value(), nt::full({2}, 1 / 1.5, nt::f64).value()) < 1e-7);

    CHECK_THROWS_AS(solve(f, start, {.l1 = -1}), nt::ValueError);
    CHECK_THROWS_AS(solve(f, start, {.l1 = 1, .weights = {start, start}}), nt::ValueError);
    CHECK_THROWS_AS(solve(f, start, {.l1 = 1, .weights = {nt::tensor(-1, nt::f64)}}), nt::ValueError);
    CHECK_THROWS_AS(solve(f, start, {.l1 = 1, .weights = {nt::tensor(1.0)}}), nt::DTypeError);
  }
}
