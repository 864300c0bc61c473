// SPDX-License-Identifier: BSD-3-Clause
// How least_squares ends in exceptional cases.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"
#include "optim/least_squares/algorithms.hpp"
#include "reference.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/linearized.hpp>
#include <newtape/optim/least_squares/residuals.hpp>

#include <cmath>
#include <limits>

namespace nt = newtape;
namespace optim = newtape::optim;
using optim::least_squares;
using optim::LeastSquaresOptions;
using optim::Status;

TEST_CASE("least_squares: where the loss is flat at every residual, nothing has converged") {
  const auto y = doubles({1, 2, 4, 5});
  for (const auto algorithm : algorithms) {
    const auto r = least_squares([&](const nt::Tensor& b) { return b[0] + 100. - y; }, doubles({0}),
                                 {.algorithm = algorithm, .loss = optim::RobustLoss::tukey});
    INFO(optim::to_string(r));
    CHECK(r.status == Status::no_progress);
    CHECK(r.message.find("raise loss_scale") != std::string::npos);
    // Nearer, it has: the mean of those that count.
    const auto near = least_squares([&](const nt::Tensor& b) { return b[0] - y; }, doubles({3}),
                                    {.algorithm = algorithm, .loss = optim::RobustLoss::tukey, .loss_scale = 100});
    CHECK(near.converged());
    CHECK(near.x()[0].item() == Approx(3).epsilon(1e-3));
  }
}

TEST_CASE("least_squares: a column less a vector gives all pairs, of which the message tells") {
  const auto x = nt::reshape(doubles({1, 2, 4}), {3, 1});
  const auto y = doubles({1.1, 1.9, 4.2});
  const auto pairs = least_squares([&](const nt::Tensor& b) { return b[0] * x - y; }, doubles({1}));
  INFO(pairs.message);
  CHECK(pairs.message.find("[3, 3] are all pairs, by sub of [3, 1] and [3]") != std::string::npos);
  CHECK(pairs.message.find("status_test.cpp:") != std::string::npos);
  // Not of columns alone, nor where pairs are asked for by their axes.
  const auto column = nt::reshape(y, {3, 1}), row = nt::reshape(y, {1, 3});
  for (const auto& d : {column, row}) {
    const auto r = least_squares([&](const nt::Tensor& b) { return b[0] * x - d; }, doubles({1}));
    CHECK(r.message.find("pairs") == std::string::npos);
  }
  const auto sigma = least_squares([&](const nt::Tensor& b) { return b[0] * x - y; }, doubles({1}), {.sigma = y});
  CHECK(sigma.message.find("all pairs") != std::string::npos);
}

TEST_CASE("rank-deficient problems end at the nearest solution, report the rank, and estimate by the pseudo-inverse") {
  const auto y = doubles({1, 2, 4, 5});
  // Only the sum of the two is determined.
  for (const auto algorithm : algorithms) {
    LeastSquaresOptions o;
    o.algorithm = algorithm;
    const auto r = least_squares([&](const nt::Tensor& b) { return b[0] + b[1] - y; }, doubles({0, 0}), o);
    INFO(optim::to_string(r));
    CHECK(r.converged());
    CHECK(r.message.find("rank 1 for 2 unknowns") != std::string::npos);
    CHECK(r.rank() == 1);
    CHECK(r.degrees_of_freedom() == 3);
    CHECK(distance(r.x().value(), doubles({1.5, 1.5}).value()) < 1e-12);
    // The mean's variance, shared by two equal parts: s^2 / (4 * 4).
    const double s2 = 10.0 / 3;
    CHECK(r.covariance()[{0, 1}].item() == Approx(s2 / 16).epsilon(1e-12));
  }
  SECTION("fewer residuals than unknowns") {
    const auto r = least_squares([](const nt::Tensor& b) { return nt::sum(b * b) - 3; }, doubles({1, 2, 2}));
    CHECK(r.converged());
    CHECK(r.value < 1e-28);
    CHECK(r.degrees_of_freedom() == 0);
    CHECK(std::isnan(r.residual_standard_deviation()));
    CHECK(std::isnan(entry(r.standard_deviations()[0], 0)));
  }
  SECTION("residuals that do not depend on the unknowns") {
    const auto r = least_squares([&](const nt::Tensor&) { return y; }, doubles({1, 2}));
    CHECK(r.converged());
    CHECK(r.iterations == 0);
    CHECK(r.value == Approx(23));
    CHECK(r.message.find("rank 0") != std::string::npos);
  }
  SECTION("residuals of zero") {
    const auto r = least_squares([](const nt::Tensor& b) { return b - b; }, doubles({1, 2}));
    CHECK(r.status == Status::precision);
    CHECK(r.value == 0);
  }
}

TEST_CASE("failures have a status, and the best point so far") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto algorithm : algorithms) {
    LeastSquaresOptions o;
    o.algorithm = algorithm;
    INFO(optim::to_string(algorithm));
    SECTION(std::string("not finite at the start, ") + optim::to_string(algorithm)) {
      const auto r = least_squares([&](const nt::Tensor& x) { return x * nan; }, doubles({1}), o);
      CHECK(r.status == Status::not_finite);
      CHECK(entry(r.x(), 0) == 1);
      CHECK_THROWS_AS(r.covariance(), nt::ValueError);
    }
    SECTION(std::string("not finite anywhere else, ") + optim::to_string(algorithm)) {
      const auto r = least_squares([&](const nt::Tensor& x) { return entry(x.detach(), 0) == 1 ? x + 1 : x * nan; },
                                   doubles({1}), o);
      CHECK(r.status == Status::not_finite);
      CHECK(entry(r.x(), 0) == 1);
    }
    SECTION(std::string("a region where the residuals are not defined, ") + optim::to_string(algorithm)) {
      // The full step from 3 goes far below 0, where there is no logarithm.
      const auto r = least_squares([](const nt::Tensor& x) { return nt::log(x) + 2; }, doubles({3}), o);
      INFO(optim::to_string(r));
      CHECK(r.converged());
      CHECK(entry(r.x(), 0) == Approx(std::exp(-2)).epsilon(1e-12));
    }
    SECTION(std::string("a NumericalError, ") + optim::to_string(algorithm)) {
      const auto r = least_squares(
          [](const nt::Tensor& x) {
            if (entry(x.detach(), 0) < 0) throw nt::NumericalError("negative");
            return nt::log(x) + 2;
          },
          doubles({3}), o);
      CHECK(entry(r.x(), 0) == Approx(std::exp(-2)).epsilon(1e-12));
    }
  }
}

TEST_CASE("wrong derivatives are detected") {
  static const nt::Op lying{"test_lying_cube"};
  for (const double factor : {-1.0, 0.0, 3.0}) {
    const auto cube = [factor](const nt::Tensor& x) {
      return lying(
          nt::core::square(x.value()) * x.value(),
          nt::wrt(x, [x, factor](const nt::Tensor& g, const nt::Tensor&) { return factor * 3 * g * nt::square(x); }));
    };
    for (const auto algorithm : algorithms) {
      LeastSquaresOptions o;
      o.algorithm = algorithm;
      o.stop.max_iterations = 200;
      const auto r = least_squares([&](const nt::Tensor& x) { return cube(x) - doubles({8, 9}); }, doubles({1, 1}), o);
      INFO(factor << "\n" << optim::to_string(r));
      CHECK(r.status == Status::wrong_gradient);
    }
  }
}

TEST_CASE("limits, tolerances and the callback stop a run") {
  const auto start = doubles({-1.2, 1});
  const auto full = least_squares(rosenbrock_residuals(), start);
  SECTION("iterations") {
    LeastSquaresOptions o;
    o.stop.max_iterations = 3;
    const auto r = least_squares(rosenbrock_residuals(), start, o);
    CHECK(r.status == Status::max_iterations);
    CHECK(r.iterations == 3);
    CHECK(r.value == full.trace[3].value);
    CHECK_FALSE(r.converged());
  }
  SECTION("evaluations") {
    LeastSquaresOptions o;
    o.stop.max_evaluations = 5;
    const auto r = least_squares(rosenbrock_residuals(), start, o);
    CHECK(r.status == Status::max_evaluations);
    CHECK(r.counts.evaluations() <= 6);
  }
  SECTION("time") {
    LeastSquaresOptions o;
    o.stop.max_seconds = 1e-9;
    CHECK(least_squares(rosenbrock_residuals(), start, o).status == Status::max_seconds);
  }
  SECTION("the callback") {
    LeastSquaresOptions o;
    std::vector<double> values;
    o.stop.callback = [&](const optim::Iteration& i, const std::vector<nt::Tensor>& xs) {
      CHECK(0.5 * nt::sum(nt::square(rosenbrock_residuals()(xs[0]))).item() == i.value);
      values.push_back(i.value);
      return i.index < 2;
    };
    const auto r = least_squares(rosenbrock_residuals(), start, o);
    CHECK(r.status == Status::callback);
    CHECK(values.size() == 3);
    CHECK(r.value == values.back());
  }
  SECTION("tolerances") {
    LeastSquaresOptions o;
    o.stop.gradient_tolerance = 1e-3;
    const auto r = least_squares(rosenbrock_residuals(), start, o);
    CHECK(r.status == Status::gradient_tolerance);
    CHECK(r.gradient <= 1e-3);
    CHECK(r.iterations < full.iterations);
    o.stop.gradient_tolerance = 0;
    o.stop.value_tolerance = 1e-3;
    CHECK(least_squares(problems::function("bard").residuals, doubles({1, 1, 1}), o).status == Status::value_tolerance);
    o.stop.value_tolerance = 0;
    o.stop.step_tolerance = 0.1;
    CHECK(least_squares(rosenbrock_residuals(), start, o).status == Status::step_tolerance);
  }
  SECTION("the trace") {
    const std::string text = optim::to_string(full);
    CHECK(text.find("converged (limit of the floating-point precision)") != std::string::npos);
    CHECK(full.trace.front().value == Approx(12.1));
    CHECK(full.trace.back().value == full.value);
  }
}

TEST_CASE("invalid input is rejected before the run") {
  const auto f = [](const nt::Tensor& x) { return x; };
  CHECK_THROWS_AS(least_squares(f, nt::tensor(1, nt::i64)), nt::DTypeError);
  CHECK_THROWS_AS(least_squares(f, nt::Tensor()), nt::ValueError);
  CHECK_THROWS_AS(least_squares(f, nt::zeros({0}, nt::f64)), nt::ValueError);
  CHECK_THROWS_AS(least_squares([](const nt::Tensor&) { return nt::zeros({0}, nt::f64); }, doubles({1})),
                  nt::ValueError);
  CHECK_THROWS_AS(least_squares([](const nt::Tensor& x) { return x.to(nt::f32); }, doubles({1})), nt::DTypeError);
  LeastSquaresOptions o;
  o.loss_scale = 0;
  CHECK_THROWS_AS(least_squares(f, doubles({1}), o), nt::ValueError);
  LeastSquaresOptions s;
  s.sigma = doubles({0});
  CHECK_THROWS_AS(least_squares(f, doubles({1}), s), nt::ValueError);
  LeastSquaresOptions b;
  b.lower = {doubles({1}), doubles({1})};
  CHECK_THROWS_AS(least_squares(f, doubles({1}), b), nt::ValueError);
  int calls = 0;
  CHECK_THROWS_AS(least_squares(
                      [&](const nt::Tensor& x) {
                        return nt::concatenate({x, nt::zeros({++calls}, nt::f64)});
                      },
                      doubles({1})),
                  nt::ShapeError);
}

namespace {

/// x, with a derivative whose computation fails near 1.5.
nt::Tensor fails_near_half(const nt::Tensor& x) {
  static const nt::Op op{"test_fails_near_half"};
  const bool fails = std::abs(entry(x.detach(), 0) - 1.5) < 0.1;
  return op(x.value(), nt::wrt(x, [fails](const nt::Tensor& g) {
              if (fails) throw nt::NumericalError("test_fails_near_half: no derivative");
              return g * 1;
            }));
}

}  // namespace

TEST_CASE("derivatives that fail on the way shorten the steps, and those at the start end the run") {
  // The first step from 3 goes to 1.5; the solution is at 0.1.
  const auto f = [](const nt::Tensor& x) { return nt::square(fails_near_half(x)) - 0.01; };
  for (const auto algorithm : algorithms) {
    for (const auto solver : {LeastSquaresOptions::Solver::qr, LeastSquaresOptions::Solver::cgls}) {
      LeastSquaresOptions o;
      o.algorithm = algorithm;
      o.solver = solver;
      o.acceleration = false;
      const auto r = least_squares(f, doubles({3}), o);
      INFO(optim::to_string(algorithm) << (solver == LeastSquaresOptions::Solver::qr ? "" : ", cgls") << "\n"
                                       << optim::to_string(r));
      CHECK(r.converged());
      CHECK(std::abs(entry(r.x(), 0)) == Approx(0.1).epsilon(1e-9));
      const auto none = least_squares(f, doubles({1.5}), o);
      CHECK(none.status == Status::not_finite);
      CHECK(entry(none.x(), 0) == 1.5);
    }
  }
}

TEST_CASE("Powell's singular function of many unknowns ends with a status, whatever LAPACK's SVD does") {
  // A Jacobian that becomes singular at the solution: LAPACK's divide-and-conquer SVD fails on some of them.
  for (const std::int64_t n : {200, 240}) {
    const auto& p = problems::function("powell_singular");
    std::vector<nt::Tensor> parts(static_cast<std::size_t>(n / 4), p.x0());
    for (const auto algorithm : algorithms) {
      LeastSquaresOptions o;
      o.algorithm = algorithm;
      const auto r = least_squares(p.residuals, nt::concatenate(parts), o);
      INFO(optim::to_string(algorithm) << ", n = " << n << ": " << r.message << ", value " << r.value);
      CHECK((r.converged() || r.status == Status::no_progress));
      CHECK(r.value < 1e-12);
    }
  }
}

TEST_CASE("both linear models find the shortest of the undamped steps") {
  // The third column is the sum of the first two; D has ratios of its own.
  const nt::Array tall = array_of({4, 3}, {1, 2, 3, 0, 1, 1, 4, -1, 3, 2, 2, 4});
  const nt::Array wide = array_of({2, 3}, {1, 2, 3, 2, 4, 6.5});
  const nt::Array scale = doubles({1, 5, 0.5}).value();
  for (const nt::Array& j : {tall, wide}) {
    const nt::Array b = nt::core::contiguous(nt::core::slice(doubles({1, -2, 0.5, 3}).value(), 0, 0, j.shape(0)));
    const nt::Array jt = nt::core::contiguous(nt::core::transpose(j, 0, 1));
    optim::Residuals::Products products{.value = b,
                                        .forward = [j](const nt::Array& v) { return optim::product(j, v); },
                                        .transposed = [jt](const nt::Array& u) { return optim::product(jt, u); }};
    const auto dense = optim::linearized(j, {}, scale, {});
    const auto implicit = optim::linearized(products, {}, scale, {});
    const nt::Array s = dense->undamped(b, 1e-12);
    CHECK(distance(s, implicit->undamped(b, 1e-14)) < 1e-10);
    // D^2 s is orthogonal to the null space, which (1, 1, -1) spans for the first matrix.
    const nt::Array weighted = s * scale * scale;
    const double* w = weighted.data<double>();
    if (j.shape(0) == 4) CHECK(std::abs(w[0] + w[1] - w[2]) < 1e-12);
    CHECK(distance(s, dense->damped(b, 1e-9, 0)) < 1e-5);
  }
}
