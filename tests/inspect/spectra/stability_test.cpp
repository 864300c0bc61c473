// SPDX-License-Identifier: BSD-3-Clause
// Limits of step sizes against runs on quadratic functions, which diverge just above them and converge just below.
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/stability.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cmath>
#include <functional>
#include <memory>

namespace nt = newtape;
namespace core = newtape::core;
namespace optim = newtape::optim;
namespace inspect = newtape::inspect;
using inspect::LossSurface;

namespace {

/// The square of the tolerance 1e-3, over a relative gap between eigenvalues of 0.1 at least.
constexpr double eigenvalue_error = 1e-5;

/// sum of d x^2 / 2 for curvatures d from 0.5 to `largest`, started where every direction is excited.
struct Quadratic {
  explicit Quadratic(double largest, nt::DType dtype = nt::f64)
      : d(core::concatenate(std::vector{core::full({7}, 0.5, dtype), core::full({1}, largest, dtype)})),
        x(nt::ones({8}, dtype)) {}
  nt::Array d;
  nt::Parameter x;
  nt::Tensor loss() const { return nt::sum(d * x * x) * 0.5; }
  LossSurface surface() const {
    return {std::vector{x}, [this] { return loss(); }};
  }
};

/// |x| after some hundreds of steps, relative to its start.
double growth(const Quadratic& q, optim::Optimizer& optimizer, int steps = 600) {
  const double before = core::norm2(q.x.value());
  for (int i = 0; i < steps; ++i) optimizer.step([&] { return q.loss(); });
  return core::norm2(q.x.value()) / before;
}

}  // namespace

TEST_CASE("sharpness is the largest eigenvalue of the Hessian") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const Quadratic q(9, dtype);
    const auto s = inspect::sharpness(q.surface());
    CHECK(s.converged);
    CHECK(std::abs(s.value - 9) <= s.residual + bounds::gamma(200, dtype) * 9);
    CHECK(std::abs(std::abs(core::select(s.direction, 0, 7).item()) - 1) <= 1e-3);
  }
}

TEST_CASE("SGD is stable just below its limit, and diverges just above") {
  struct Case {
    optim::SGDOptions options;
    double limit;
  };
  const double m = 0.8;
  const Case cases[] = {{{.momentum = 0}, 2},
                        {{.momentum = m}, 2 * (1 + m)},
                        {{.momentum = m, .dampening = 0.5}, 2 * (1 + m) / 0.5},
                        {{.momentum = m, .nesterov = true}, 2 * (1 + m) / (1 + 2 * m)},
                        {{.momentum = m, .weight_decay = 1.5}, 2 * (1 + m)},
                        {{.weight_decay = 2}, 2}};
  const double curvature = 10;
  for (const auto& c : cases) {
    for (const double relative : {0.97, 1.03}) {
      const Quadratic q(curvature);
      optim::SGDOptions options = c.options;
      options.lr = relative * c.limit / (curvature + options.weight_decay);
      optim::SGD optimizer({q.x}, options);
      const auto s = inspect::stability(q.surface(), optimizer);
      CHECK(s.limit == Approx(c.limit).epsilon(1e-14));
      CHECK(s.ratio == Approx(relative).epsilon(eigenvalue_error));
      CHECK(s.stable == (relative < 1));
      CHECK_FALSE(s.preconditioned);
      CHECK((growth(q, optimizer) < 1) == (relative < 1));
    }
  }
}

TEST_CASE("RMSprop's limit is that of its preconditioned Hessian") {
  // With alpha = 1 the divisor stays what one step with alpha = 0 made it.
  const double momentum = 0.6;
  const double curvature = 10;
  for (const double relative : {0.97, 1.03}) {
    const Quadratic q(curvature);
    optim::RMSprop optimizer({q.x}, {.lr = 0, .alpha = 0, .momentum = momentum});
    optimizer.step([&] { return q.loss(); });
    // The gradient at ones is d: the divisor too, so that the preconditioned Hessian is the identity.
    optimizer.set_options({.lr = relative * 2 * (1 + momentum), .alpha = 1, .momentum = momentum});
    const auto s = inspect::stability(q.surface(), optimizer);
    CHECK(s.preconditioned);
    CHECK(s.sharpness == Approx(1).epsilon(eigenvalue_error));
    CHECK(s.ratio == Approx(relative).epsilon(eigenvalue_error));
    CHECK((growth(q, optimizer) < 1) == (relative < 1));
  }
}

TEST_CASE("Adam's limit is 38 for beta1 = 0.9") {
  const double curvature = 10;
  for (const double relative : {0.97, 1.03}) {
    const Quadratic q(curvature);
    optim::Adam optimizer({q.x}, {.lr = 0, .betas = {0.9, 0.5}, .eps = 0});
    for (int i = 0; i < 400; ++i) optimizer.step([&] { return q.loss(); });
    // All gradients were d so far: v = d^2, m = d.
    const auto at_rest = inspect::stability(q.surface(), optimizer);
    CHECK(at_rest.limit == Approx(38).epsilon(1e-12));
    CHECK(at_rest.sharpness == Approx(1).epsilon(eigenvalue_error));
    CHECK(at_rest.ratio == 0);
    optimizer.set_lr(relative * 38);
    const auto s = inspect::stability(q.surface(), optimizer);
    CHECK(s.ratio == Approx(relative).epsilon(eigenvalue_error));
    CHECK(s.stable == (relative < 1));
  }
  // The recurrence m' = beta1 m + (1 - beta1) w x, x' = x - lr m', run here: it grows above the limit, not below.
  for (const double relative : {0.97, 1.03}) {
    double x = 1;
    double m = 0;
    for (int i = 0; i < 2000; ++i) {
      m = 0.9 * m + 0.1 * curvature * x;
      x -= relative * 38 / curvature * m;
    }
    CHECK((std::hypot(x, m) < 1) == (relative < 1));
  }
}

TEST_CASE("AdamW, Adagrad and amsgrad are preconditioned by their state") {
  const Quadratic q(10);
  optim::Adagrad adagrad({q.x}, {.lr = 0, .eps = 0});
  for (int i = 0; i < 4; ++i) adagrad.step([&] { return q.loss(); });
  // Four gradients d: the divisor is 2 d.
  CHECK(inspect::stability(q.surface(), adagrad).sharpness == Approx(0.5).epsilon(eigenvalue_error));
  optim::AdamW adamw({q.x}, {.lr = 0, .betas = {0.5, 0.5}, .eps = 10, .amsgrad = true});
  adamw.step([&] { return q.loss(); });
  // bias1 = 1/2, v / bias2 = d^2: the divisor is (d + 10) / 2.
  CHECK(inspect::stability(q.surface(), adamw).sharpness == Approx(10.0 / 10).epsilon(eigenvalue_error));
  CHECK(inspect::stability(q.surface(), adamw).limit == Approx(6).epsilon(1e-14));
}

TEST_CASE("groups of different rates are scaled to the largest") {
  const Quadratic a(10), b(4);
  const LossSurface surface(std::vector{a.x, b.x}, [&] { return a.loss() + b.loss(); });
  optim::SGD optimizer({{{a.x}, {.lr = 0.01}}, {{b.x}, {.lr = 0.3}}});
  const auto s = inspect::stability(surface, optimizer);
  CHECK(s.lr == 0.3);
  // 0.3 x 4 = 1.2 exceeds 0.01 x 10.
  CHECK(s.ratio == Approx(0.3 * 4 / 2).epsilon(eigenvalue_error));
  CHECK(s.stable);
  CHECK_THAT(inspect::to_string(s), contains("stable: lr x sharpness = 0.3 x 4 = 1.2, within the limit 2"));
}

TEST_CASE("stability rejects optimizers without a limit or state") {
  const Quadratic q(10), other(3);
  optim::Adam fresh({q.x});
  CHECK_THROWS_WITH(inspect::stability(q.surface(), fresh), contains("no state"));
  optim::SGD foreign({other.x});
  CHECK_THROWS_AS(inspect::stability(q.surface(), foreign), nt::ValueError);
  optim::Lion lion({q.x});
  CHECK_THROWS_AS(inspect::stability(q.surface(), lion), nt::ValueError);
}
