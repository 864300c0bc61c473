// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "optim/entries.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/fisher/hutchinson.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/hessian_diagonal.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

/// sum(c x^4): gradient 4 c x^3, and a diagonal Hessian, 12 c x^2, that one random vector finds exactly.
nt::Tensor quartic(const nt::Tensor& c, const nt::Parameter& x) { return nt::sum(c * nt::square(nt::square(x))); }

}  // namespace

TEST_CASE("hutchinson_diag finds a diagonal Hessian with one vector, and any other in the mean") {
  const nt::Tensor x = normal({5}, 1);
  nt::Generator random(3);
  const auto separable = [](const nt::Tensor& t) { return nt::sum(nt::exp(t)); };
  CHECK(distance(optim::hutchinson_diag(separable, x, {.generator = &random}).value(), nt::exp(x).value()) < 1e-14);

  // x^T A x with A = B + B^T: the estimate's variance is the sum of the off-diagonal squares, over the samples.
  const nt::Tensor b = normal({5, 5}, 2);
  const nt::Tensor a = b + nt::transpose(b);
  const auto quadratic = [&](const nt::Tensor& t) { return 0.5 * nt::dot(t, nt::matmul(a, t)); };
  constexpr std::int64_t samples = 400;
  const auto diag = entries(optim::hutchinson_diag(quadratic, x, {.samples = samples, .generator = &random}).value());
  const auto rows = entries(a.value());
  double worst = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < 5; ++j) others += i == j ? 0 : rows[5 * i + j] * rows[5 * i + j];
    worst = std::max(worst, std::abs(diag[i] - rows[6 * i]) / std::sqrt(others / samples));
  }
  CHECK(worst < 4);
  CHECK(worst > 1e-3);  // it is an estimate

  // The trace's variance is 2 times the sum of the off-diagonal squares.
  double off_diagonal = 0;
  double trace = 0;
  for (std::size_t i = 0; i < 25; ++i) (i % 6 == 0 ? trace : off_diagonal) += i % 6 == 0 ? rows[i] : rows[i] * rows[i];
  const auto estimate = optim::hutchinson_trace(quadratic, x, {.samples = samples, .generator = &random});
  const double standard_error = std::sqrt(2 * off_diagonal / samples);
  CHECK(std::abs(estimate.value - trace) < 4 * standard_error);
  CHECK(estimate.standard_error == Approx(standard_error).epsilon(0.2));
  CHECK(std::isnan(optim::hutchinson_trace(quadratic, x).standard_error));
  CHECK_THROWS_WITH(optim::hutchinson_trace(quadratic, x, {.samples = 0}), contains("at least 1"));
}

TEST_CASE("hutchinson_diag of several inputs is differentiable, and takes recorded losses") {
  const std::vector<nt::Tensor> xs = {normal({2, 3}, 1), normal({4}, 2)};
  const auto f = [](std::span<const nt::Tensor> t) { return nt::sum(nt::sin(t[0])) + nt::sum(t[1] * t[1] * t[1]); };
  const auto diag = optim::hutchinson_diag(f, xs);
  CHECK(distance(diag[0].value(), (-nt::sin(xs[0])).value()) < 1e-14);
  CHECK(distance(diag[1].value(), (6.0 * xs[1]).value()) < 1e-14);
  const nt::Tensor x = nt::variable(xs[1]);
  nt::sum(optim::hutchinson_diag([](const nt::Tensor& t) { return nt::sum(nt::exp(t)); }, x)).backward();
  CHECK(distance(x.grad().value(), nt::exp(xs[1]).value()) < 1e-14);

  const std::vector<nt::Tensor> inputs = {nt::variable(xs[0]), nt::variable(xs[1]), nt::variable(xs[1])};
  const nt::Tensor loss = nt::sum(nt::exp(inputs[0])) + nt::sum(3.0 * inputs[1]);
  const auto of_loss = optim::hutchinson_diag(loss, inputs);
  CHECK(distance(of_loss.gradient[0].value(), nt::exp(xs[0]).value()) < 1e-14);
  CHECK(distance(of_loss.hessian_diag[0].value(), nt::exp(xs[0]).value()) < 1e-14);
  CHECK(identical(of_loss.gradient[1].value(), nt::full({4}, 3, nt::f64).value()));
  CHECK(identical(of_loss.hessian_diag[1].value(), nt::zeros({4}, nt::f64).value()));
  CHECK_FALSE(of_loss.gradient[2].defined());
  CHECK_FALSE(of_loss.hessian_diag[2].defined());
  CHECK_THROWS_AS(optim::hutchinson_diag(nt::exp(inputs[0]), inputs), nt::ShapeError);
  CHECK_THROWS_AS(optim::hutchinson_diag(nt::tensor(1.0), inputs), nt::ValueError);
}

TEST_CASE("AdaHessian follows its paper's algorithm 1") {
  for (const double power : {1.0, 0.6}) {
    const nt::Tensor c = normal({2, 3}, 4);
    const nt::Parameter p(normal({2, 3}, 5));
    const double lr = 0.05, b1 = 0.8, b2 = 0.9, eps = 1e-3, decay = 0.1;
    optim::AdaHessian o({p}, {.lr = lr, .betas = {b1, b2}, .eps = eps, .weight_decay = decay, .hessian_power = power});
    auto x = entries(p.value());
    const auto k = entries(c.value());
    std::vector<double> m(6), v(6);
    for (int t = 1; t <= 5; ++t) {
      o.step(quartic(c, p));
      for (std::size_t i = 0; i < 6; ++i) {
        const double g = 4 * k[i] * std::pow(x[i], 3);
        const double d = 12 * k[i] * x[i] * x[i];
        CHECK(entries(p.grad().value())[i] == Approx(g).epsilon(1e-12));
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * d * d;
        const double denominator = std::pow(std::sqrt(v[i] / (1 - std::pow(b2, t))), power) + eps;
        x[i] = (1 - lr * decay) * x[i] - lr * m[i] / (1 - std::pow(b1, t)) / denominator;
      }
      CHECK(distance(p.value(), array_of({2, 3}, x)) < 1e-13);
    }
  }
}

TEST_CASE("AdaHessian averages the curvature of a kernel") {
  const nt::Tensor c = nt::ones({2, 1, 2}, nt::f64);
  const nt::Parameter p(nt::reshape(nt::tensor({1, 2, 3, 4}, nt::f64), {2, 1, 2}));
  optim::AdaHessian o({p}, {.lr = 1, .eps = 0});
  o.step(quartic(c, p));
  // g / mean(d) with g = 4 x^3, d = 12 x^2 and the means over {1, 2} and {3, 4}: 30 and 150.
  const auto want =
      nt::reshape(nt::tensor({1 - 4 / 30., 2 - 32 / 30., 3 - 108 / 150., 4 - 256 / 150.}, nt::f64), {2, 1, 2});
  CHECK(distance(p.value(), want.value()) < 1e-14);
  for (const auto& [name, value] : o.state_dict()) {
    if (name == "state.0.exp_hessian_diag_sq") CHECK(value.shape() == nt::Shape{2, 1, 1});
  }
}

TEST_CASE("AdaHessian requires the loss") {
  const nt::Parameter p(nt::ones({2}));
  const nt::Parameter unused(nt::ones({2}));
  optim::AdaHessian o({p, unused});
  nt::sum(nt::exp(p)).backward();
  optim::Optimizer& base = o;
  CHECK_THROWS_WITH(base.step(), contains("step(loss)"));
  CHECK(identical(p.value(), nt::ones({2}).value()));
  const nt::Tensor loss = nt::sum(nt::exp(p));
  base.step(loss);
  CHECK(identical(unused.value(), nt::ones({2}).value()));
  CHECK_FALSE(identical(p.value(), nt::ones({2}).value()));
  CHECK(o.step([&] { return nt::sum(p * p); }).item() < 2);
  CHECK_THROWS_AS(base.step(nt::tensor(1.0)), nt::ValueError);
  CHECK_THROWS_WITH(optim::AdaHessian({p}, {.hessian_power = 2}), contains("AdaHessian: hessian_power"));
  CHECK_THROWS_WITH(optim::AdaHessian({p}, {.samples = 0}), contains("AdaHessian: samples"));
}

TEST_CASE("Sophia follows its paper's algorithm 3") {
  const nt::Tensor c = normal({6}, 4);
  const nt::Parameter p(normal({6}, 5));
  const double lr = 0.05, b1 = 0.8, b2 = 0.9, gamma = 0.3, eps = 1e-3, decay = 0.1;
  optim::Sophia o(
      {p}, {.lr = lr, .betas = {b1, b2}, .gamma = gamma, .eps = eps, .weight_decay = decay, .hessian_interval = 2});
  auto x = entries(p.value());
  const auto k = entries(c.value());
  std::vector<double> m(6), h(6);
  int cut = 0;
  for (int t = 1; t <= 5; ++t) {
    o.step(quartic(c, p));
    for (std::size_t i = 0; i < 6; ++i) {
      const double g = 4 * k[i] * std::pow(x[i], 3);
      m[i] = b1 * m[i] + (1 - b1) * g;
      if (t % 2 == 1) h[i] = b2 * h[i] + (1 - b2) * 12 * k[i] * x[i] * x[i];
      const double step = m[i] / std::max(gamma * h[i], eps);
      cut += std::abs(step) > 1;
      x[i] = x[i] - lr * decay * x[i] - lr * std::clamp(step, -1.0, 1.0);
    }
    CHECK(distance(p.value(), array_of({6}, x)) < 1e-13);
  }
  CHECK(cut > 0);
  CHECK(cut < 30);
}

TEST_CASE("Sophia's other estimate is Gauss-Newton-Bartlett's, and its updates are kept in the state") {
  const nt::Parameter p(nt::tensor({1, -2}, nt::f64));
  const nt::Parameter unused(nt::ones({3}, nt::f64));
  optim::Sophia o({p, unused}, {.betas = {0.9, 0.75}});
  o.update_gauss_newton(nt::sum(nt::square(p)), 8);
  const auto state = o.state_dict();
  std::size_t found = 0;
  for (const auto& [name, value] : state) {
    if (name != "state.0.hessian") continue;
    ++found;
    CHECK(distance(value, nt::tensor({0.25 * 8 * 4, 0.25 * 8 * 16}, nt::f64).value()) < 1e-15);
  }
  CHECK(found == 1);
  CHECK_FALSE(p.grad().defined());
  optim::Sophia other({p, unused});
  other.load_state_dict(state);
  CHECK(other.state_dict().size() == state.size());

  optim::Sophia hutchinson({p, unused}, {.betas = {0.9, 0.75}});
  hutchinson.update_hessian(nt::sum(p * p * p));
  for (const auto& [name, value] : hutchinson.state_dict()) {
    if (name == "state.0.hessian") CHECK(distance(value, nt::tensor({0.25 * 6, 0.25 * -12}, nt::f64).value()) < 1e-15);
  }
  CHECK_THROWS_WITH(o.update_gauss_newton(nt::sum(nt::square(p)), 0), contains("batch_size"));
  CHECK_THROWS_WITH(o.update_gauss_newton(nt::square(p), 1), contains("one element"));
  CHECK_THROWS_WITH(optim::Sophia({p}, {.hessian_interval = 0}), contains("Sophia: hessian_interval"));
}
