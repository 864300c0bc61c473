// SPDX-License-Identifier: BSD-3-Clause
// Derivatives given as formulas, in place of autograd's; and parameters of which some are frozen.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/l1.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/result.hpp>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::Status;

namespace {

// Rosenbrock's function of x and y.
Tensor rosenbrock(const Tensor& p) { return 100 * nt::square(p[1] - p[0] * p[0]) + nt::square(1 - p[0]); }
Tensor rosenbrock_gradient(const Tensor& p) {
  const Tensor gap = p[1] - p[0] * p[0];
  return nt::stack({-400 * p[0] * gap - 2 * (1 - p[0]), 200 * gap});
}
Tensor rosenbrock_hessian(const Tensor& p) {
  const Tensor side = -400 * p[0];
  const Tensor corner = 1200 * p[0] * p[0] - 400 * p[1] + 2;
  return nt::reshape(nt::stack({corner, side, side, nt::tensor(200, nt::f64)}), {2, 2});
}
Tensor rosenbrock_start() { return nt::tensor({-1.2, 1}, nt::f64); }

}  // namespace

TEST_CASE("minimize takes derivatives given as formulas") {
  for (const auto& method : optim::general_methods()) {
    INFO(method.name);
    const auto by_autograd = optim::minimize(rosenbrock, rosenbrock_start(), {.method = method});
    const auto by_gradient =
        optim::minimize({.value = rosenbrock, .gradient = rosenbrock_gradient}, rosenbrock_start(), {.method = method});
    const auto by_both =
        optim::minimize({.value = rosenbrock, .gradient = rosenbrock_gradient, .hessian = rosenbrock_hessian},
                        rosenbrock_start(), {.method = method});
    for (const auto& r : {by_autograd, by_gradient, by_both}) {
      INFO(optim::to_string(r));
      CHECK(r.converged());
      // The least curvature at the minimum is 0.4, the tolerance of the gradient 1e-8.
      CHECK(distance(r.x().value(), nt::tensor({1, 1}, nt::f64).value()) < 1e-7);
    }
    // The derivatives differ by rounding only: so do the first iterations.
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(by_gradient.trace.at(i).value == Approx(by_autograd.trace.at(i).value).epsilon(1e-9));
      CHECK(by_both.trace.at(i).value == Approx(by_autograd.trace.at(i).value).epsilon(1e-9));
    }
  }
}

TEST_CASE("given derivatives are checked") {
  const optim::MinimizeOptions newton{.method = optim::newton()};
  const auto run = [&](const nt::UnaryFunction& g, const nt::UnaryFunction& h) {
    return optim::minimize({.value = rosenbrock, .gradient = g, .hessian = h}, rosenbrock_start(), newton);
  };
  CHECK_THROWS_WITH(run([](const Tensor& p) { return nt::sum(p); }, {}), contains("gradient") && contains("[2]"));
  CHECK_THROWS_AS(run([](const Tensor& p) { return nt::sum(p); }, {}), nt::ShapeError);
  CHECK_THROWS_AS(run([](const Tensor& p) { return p.to(nt::f32); }, {}), nt::DTypeError);
  CHECK_THROWS_AS(run([](const Tensor&) { return Tensor(); }, {}), nt::ValueError);
  CHECK_THROWS_WITH(run(rosenbrock_gradient, [](const Tensor& p) { return p; }),
                    contains("Hessian") && contains("[2, 2]"));
  CHECK(run([](const Tensor& p) { return -rosenbrock_gradient(p); }, {}).status == Status::wrong_gradient);
}

TEST_CASE("frozen parameters are constants of every minimiser") {
  const nt::Parameter x(nt::tensor({3, -2}, nt::f64));
  const nt::Parameter fixed(nt::tensor({1, 1}, nt::f64));
  fixed.requires_grad(false);
  const auto residuals = [&] { return nt::concatenate({x - fixed, 2 * x}); };
  const auto loss = [&] { return nt::sum(nt::square(residuals())) / 2; };
  const auto check = [&](const optim::Result& r, double expected) {
    CHECK(r.converged());
    REQUIRE(r.xs.size() == 1);
    CHECK(distance(x.value(), nt::full({2}, expected, nt::f64).value()) < 1e-8);
    CHECK(identical(fixed.value(), nt::ones({2}, nt::f64).value()));
    x.set_value(nt::tensor({3, -2}, nt::f64).value());
  };
  // d/dx (x - 1)^2 / 2 + 2 x^2 = 5 x - 1, and 5 x - 1 + l1 with the penalty.
  check(optim::minimize(loss, {x, fixed}), 0.2);
  check(optim::least_squares(residuals, {x, fixed}), 0.2);
  check(optim::fista(loss, {fixed, x}, {.l1 = 0.5}), 0.1);
  check(optim::owl_qn(loss, {fixed, x}, {.l1 = 0.5}), 0.1);
}
