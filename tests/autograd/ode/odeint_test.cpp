// SPDX-License-Identifier: BSD-3-Clause
// Solutions and their derivatives against closed forms; orders of convergence; events; the adjoint against the steps.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ode/odeint.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>

using namespace newtape;

namespace {

using Method = OdeOptions::Method;

double at(const Tensor& x, std::int64_t i = 0) { return x.value().data<double>()[i]; }
double distance(const Tensor& a, const Tensor& b) { return core::max(core::abs((a - b).value())).item<double>(); }

/// y' = -2 t y + y^2 cos t with y(0) = 1 / 2: no symmetry that hides a wrong coefficient. The reference is dopri5's at 1e-13.
Tensor riccati(const Tensor& t, const Tensor& y) { return -2 * t * y + y * y * cos(t); }

/// The error at t = 1 and in the middle of a step, after `steps` equal steps.
std::pair<double, double> errors(Method method, int steps) {
  const double h = 1. / steps;
  const OdeOptions equal{.method = method, .rtol = 1e3, .atol = 1e3, .first_step = h, .max_step = h};
  const OdeOptions exact{.rtol = 1e-13, .atol = 1e-15};
  const Tensor y0 = tensor({0.5}, f64), middle = tensor(0.5 + 0.37 * h, f64);
  const OdeSolution rough = solve_ivp(riccati, 0, 1, y0, {}, equal);
  REQUIRE(rough.steps().size() == static_cast<std::size_t>(steps));
  const Tensor half = odeint(riccati, y0, stack({zeros({}, f64), middle}, 0), exact);
  const Tensor whole = odeint(riccati, y0, tensor({0, 1}, f64), exact);
  return {distance(rough.y_end(), whole[1]), distance(rough(middle), half[1])};
}

}  // namespace

TEST_CASE("odeint: methods converge with their order, at the ends of steps and between them") {
  struct Order {
    Method method;
    double end, inside;
  };
  for (const auto& [method, end, inside] :
       {Order{Method::dopri5, 5, 4}, {Method::tsit5, 5, 4}, {Method::bosh3, 3, 3}, {Method::rodas4, 4, 3}}) {
    const auto [coarse_end, coarse_inside] = errors(method, 8);
    const auto [fine_end, fine_inside] = errors(method, 16);
    CAPTURE(static_cast<int>(method), coarse_end, fine_end, coarse_inside, fine_inside);
    // Halving the step divides the error by 2^order; a wrong coefficient costs an order or more.
    CHECK(std::log2(coarse_end / fine_end) > end - 0.6);
    CHECK(std::log2(coarse_inside / fine_inside) > inside - 0.6);
  }
}

TEST_CASE("odeint: the error follows the tolerance") {
  const OdeFunction pendulum = [](const Tensor&, const Tensor& y) { return stack({y[1], -sin(y[0])}, 0); };
  const Tensor y0 = tensor({1, 0}, f64), times = tensor({0, 3, 10}, f64);
  const Tensor exact = odeint(pendulum, y0, times, {.rtol = 1e-13, .atol = 1e-14});
  for (const auto method : {Method::dopri5, Method::tsit5, Method::bosh3, Method::rodas4}) {
    const double rough = distance(odeint(pendulum, y0, times, {.method = method, .rtol = 1e-4, .atol = 1e-5}), exact);
    const double fine = distance(odeint(pendulum, y0, times, {.method = method, .rtol = 1e-7, .atol = 1e-8}), exact);
    CAPTURE(static_cast<int>(method), rough, fine);
    CHECK(rough < 0.05);
    CHECK(fine < 5e-5);
    CHECK(fine < rough / 50);
  }
  // Energy at the end of what was integrated forwards and back again.
  const Tensor there = odeint(pendulum, y0, tensor({0, 10}, f64), {.rtol = 1e-10})[1];
  CHECK(distance(odeint(pendulum, there, tensor({10, 0}, f64), {.rtol = 1e-10})[1], y0) < 1e-7);
}

TEST_CASE("odeint: derivatives are those of exp(k (t - t0)) y0, to order two, through all methods and the adjoint") {
  const auto closed = [](std::span<const Tensor> x) { return sum(x[0] * exp(x[1] * 0.8)); };
  const std::vector<Tensor> at{tensor({0.7, -1.2}, f64), tensor(0.9, f64)};
  const Tensor expected = hessian_matrix(closed, at);
  for (const auto method : {Method::dopri5, Method::tsit5, Method::bosh3, Method::rodas4}) {
    const OdeOptions options{.method = method, .rtol = method == Method::bosh3 ? 1e-9 : 1e-11, .atol = 1e-12};
    const Function by_steps = [&](std::span<const Tensor> x) {
      const Tensor k = x[1];
      return sum(
          odeint([k](const Tensor&, const Tensor& y) { return k * y; }, x[0], tensor({0.2, 1}, f64), options)[1]);
    };
    const Function by_adjoint = [&](std::span<const Tensor> x) {
      return sum(odeint_adjoint([](const Tensor&, const Tensor& y, std::span<const Tensor> k) { return k[0] * y; },
                                x[0], tensor({0.2, 1}, f64), x.subspan(1), options)[1]);
    };
    CAPTURE(static_cast<int>(method));
    CHECK(distance(hessian_matrix(by_steps, at), expected) < 1e-6);
    CHECK(distance(hessian_matrix(by_adjoint, at), expected) < 1e-6);
    const auto direct = value_and_grad(closed, at).second;
    const auto adjoint = value_and_grad(by_adjoint, at).second;
    for (std::size_t i = 0; i < at.size(); ++i) CHECK(distance(direct[i], adjoint[i]) < 1e-7);
  }
}

TEST_CASE("odeint: times are differentiable") {
  // y = exp(t^2 - t0^2) y0
  const Function end = [](std::span<const Tensor> t) {
    return sum(odeint([](const Tensor& s, const Tensor& y) { return 2 * s * y; }, tensor({1.5}, f64), stack(t, 0),
                      {.rtol = 1e-11, .atol = 1e-12})[1]);
  };
  const std::vector<Tensor> t{tensor(0.3, f64), tensor(0.9, f64)};
  const auto [y, g] = value_and_grad(end, t);
  const double expected = 1.5 * std::exp(0.81 - 0.09);
  CHECK(std::abs(y.item<double>() - expected) < 1e-9);
  CHECK(std::abs(g[1].item<double>() - 1.8 * expected) < 1e-6);
  CHECK(std::abs(g[0].item<double>() + 0.6 * expected) < 1e-6);
}

TEST_CASE("odeint: a stiff equation takes rodas4 few steps") {
  // Van der Pol's equation with mu = 1000 in scaled time (Mazzia and Magherini, Test Set for IVP Solvers 2008, II-24):
  // y(2) = 1.706167732170483.
  const OdeFunction oscillator = [](const Tensor&, const Tensor& y) {
    return stack({y[1], ((1 - y[0] * y[0]) * y[1] - y[0]) * 1e6}, 0);
  };
  const Tensor y0 = tensor({2, 0}, f64);
  const OdeSolution s = solve_ivp(oscillator, 0, 2, y0, {}, {.method = Method::rodas4, .rtol = 1e-6, .atol = 1e-7});
  CHECK(std::abs(at(s.y_end()) - 1.706167732170483) < 1e-6);
  CHECK(s.steps().size() < 2000);
  CHECK_THROWS_AS(solve_ivp(oscillator, 0, 2, y0, {}, {.max_steps = 4000}), NumericalError);
}

TEST_CASE("solve_ivp: events are found, in order, with their derivatives to order three") {
  // A ball falls from height h: it lands at t = sqrt(2 h / g).
  const OdeFunction fall = [](const Tensor&, const Tensor& y) { return stack({y[1], -9.81 + 0 * y[1]}, 0); };
  const std::vector<OdeEvent> events{
      {.function = [](const Tensor&, const Tensor& y) { return y[0]; }, .terminal = true, .direction = -1},
      {.function = [](const Tensor& t, const Tensor&) { return t - 0.5; }}};
  const UnaryFunction landing = [&](const Tensor& h) {
    const OdeSolution s = solve_ivp(fall, 0, 10, stack({h, zeros({}, f64)}, 0), events, {.rtol = 1e-10});
    REQUIRE(s.crossings().size() == 2);
    CHECK(s.crossings()[0].event == 1);
    CHECK(s.crossings()[1].event == 0);
    return s.t_end();
  };
  const Tensor h = tensor(10., f64);
  const double t = std::sqrt(2 * 10 / 9.81);
  CHECK(std::abs(landing(h).item<double>() - t) < 1e-9);
  CHECK(std::abs(grad(landing)(h).item<double>() - t / 20) < 1e-8);
  CHECK(std::abs(grad(grad(landing))(h).item<double>() + t / 400) < 1e-8);
  CHECK(std::abs(grad(grad(grad(landing)))(h).item<double>() - 3 * t / 8000) < 1e-8);
  const OdeSolution still = solve_ivp(fall, 0, 1, tensor({10, 0}, f64), {events[0]});
  CHECK(still.crossings().empty());
  CHECK(at(still.t_end()) == 1);
}

TEST_CASE("solve_ivp: a solution is a function of time") {
  const OdeSolution s =
      solve_ivp([](const Tensor&, const Tensor& y) { return -y; }, 0, 2, tensor({1, 3}, f64), {}, {.rtol = 1e-9});
  const Tensor t = tensor({0, 0.1, 1.234, 2}, f64);
  CHECK(distance(s(t), unsqueeze(exp(-t), 1) * tensor({1, 3}, f64)) < 1e-7);
  CHECK_THROWS_AS(s(2.1), ValueError);
  CHECK_THROWS_AS(s(-0.1), ValueError);
  const OdeSolution still = solve_ivp([](const Tensor&, const Tensor& y) { return y; }, 1, 1, tensor({4}, f64));
  CHECK(at(still.y_end()) == 4);
  const OdeSolution nothing = solve_ivp([](const Tensor&, const Tensor& y) { return y; }, 0, 1, zeros({0}, f64));
  CHECK(nothing.y_end().size() == 0);
}

TEST_CASE("odeint: f32, matrices as states, and a single time") {
  const OdeFunction decay = [](const Tensor&, const Tensor& y) { return -y; };
  const Tensor y0 = normal({2, 3}, 4, f32);
  const Tensor y = odeint(decay, y0, tensor({0, 1}, f32));
  CHECK(y.dtype() == f32);
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(core::max(core::abs((y[1] - y0 * std::exp(-1.f)).value())).item<float>() < 1e-3f);
  CHECK(same_bits(odeint(decay, y0, tensor({3}, f32)).value(), core::reshape(y0.value(), {1, 2, 3})));
}

TEST_CASE("odeint: bad input is refused") {
  const OdeFunction decay = [](const Tensor&, const Tensor& y) { return -y; };
  const Tensor y0 = ones({2}, f64);
  CHECK_THROWS_AS(odeint(decay, y0, tensor({0, 1, 1}, f64)), ValueError);
  CHECK_THROWS_AS(odeint(decay, y0, tensor({0, 1, 0.5}, f64)), ValueError);
  CHECK_THROWS_AS(odeint(decay, y0, tensor({0, NAN}, f64)), ValueError);
  // Two times that are one in the dtype of the state.
  CHECK_THROWS_AS(odeint(decay, ones({2}, f32), tensor({1, 1 + 1e-12}, f64)), ValueError);
  CHECK_THROWS_AS(odeint(OdeFunction{}, y0, tensor({0, 1}, f64)), ValueError);
  CHECK_THROWS_AS(odeint_adjoint({}, y0, tensor({0, 1}, f64), {}), ValueError);
  CHECK_THROWS_AS(solve_ivp(decay, 0, 1, y0, {OdeEvent{}}), ValueError);
  CHECK_THROWS_AS(solve_ivp(decay, 0, NAN, y0), ValueError);
  CHECK_THROWS_AS(solve_ivp(decay, 0, ones({2}, f64), y0), ShapeError);
  CHECK_THROWS_WITH(odeint(decay, Tensor(), tensor({0, 1}, f64)), Catch::Contains("undefined"));
  CHECK_THROWS_AS(odeint(decay, y0, tensor({0, 1}, f64), {.rtol = -1}), ValueError);
  CHECK_THROWS_AS(odeint(decay, tensor({1, 2}, i64), tensor({0, 1}, f64)), DTypeError);
  CHECK_THROWS_AS(odeint([](const Tensor&, const Tensor& y) { return sum(y); }, y0, tensor({0, 1}, f64)), ShapeError);
  // y' = y^2 blows up at t = 1.
  CHECK_THROWS_AS(odeint([](const Tensor&, const Tensor& y) { return y * y; }, ones({1}, f64), tensor({0, 2}, f64)),
                  NumericalError);
  const Tensor k = variable(tensor(1., f64));
  CHECK_THROWS_AS(odeint_adjoint([&](const Tensor&, const Tensor& y, std::span<const Tensor>) { return k * y; },
                                 variable(y0), tensor({0, 1}, f64), {}),
                  ValueError);
}
