// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "optim/entries.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

using Numbers = std::vector<double>;
double shrunk(double x, double t) { return std::copysign(std::max(std::abs(x) - t, 0.0), x); }

/// A lasso problem whose solution is sparse.
struct SparseLasso {
  nt::Tensor a = normal({40, 12}, 1);
  nt::Tensor b = nt::matmul(a, nt::tensor({2, 0, 0, -3, 0, 0, 0, 1, 0, 0, 0, 0}, nt::f64)) + 0.3 * normal({40}, 2);
  double l1 = 0.2;
  nt::Tensor loss(nt::In x) const { return 0.5 * nt::mean(nt::square(nt::matmul(a, x) - b)); }

  /// Violation of the optimality conditions: the gradient is -l1 sign(x_i), or in [-l1, l1] where x_i is 0.
  double violation(const nt::Array& at, std::size_t* zeros) const {
    const nt::Tensor x = nt::variable(at);
    loss(x).backward();
    const Numbers g = entries(x.grad().value());
    const Numbers v = entries(at);
    double worst = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      *zeros += v[i] == 0;
      worst = std::max(worst, v[i] == 0 ? std::abs(g[i]) - l1 : std::abs(g[i] + std::copysign(l1, v[i])));
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("ProximalSGD and ProximalAdam follow their formulas") {
  const Numbers start = {0.5, -1, 0.02, 0, 0.25, -3};
  for (const bool momentum : {false, true}) {
    const nt::Parameter p(nt::tensor({0.5, -1, 0.02, 0, 0.25, -3}, nt::f64));
    const double beta = momentum ? 0.7 : 0;
    optim::ProximalSGD o({p}, {.lr = 0.1, .l1 = 0.6, .momentum = beta, .weight_decay = 0.2});
    Numbers x = start;
    Numbers v(6);
    for (int t = 1; t <= 5; ++t) {
      const nt::Tensor g = normal({6}, static_cast<std::uint64_t>(t));
      p.set_grad(g);
      o.step();
      for (std::size_t i = 0; i < 6; ++i) {
        const double d = entries(g.value())[i] + 0.2 * x[i];
        v[i] = t == 1 ? d : beta * v[i] + (1 - beta) * d;
        x[i] = shrunk(x[i] - 0.1 * v[i], 0.06);
        CHECK(entries(p.value())[i] == Approx(x[i]).margin(1e-15));
      }
    }
  }
  for (const bool scaled : {false, true}) {
    const nt::Parameter p(nt::tensor({0.5, -1, 0.02, 0, 0.25, -3}, nt::f64));
    optim::ProximalAdam o(
        {p}, {.lr = 0.1, .l1 = 0.6, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.2, .scaled = scaled});
    Numbers x = start;
    Numbers m(6);
    Numbers v(6);
    for (int t = 1; t <= 5; ++t) {
      const nt::Tensor gradient = normal({6}, static_cast<std::uint64_t>(t));
      p.set_grad(gradient);
      o.step();
      for (std::size_t i = 0; i < 6; ++i) {
        const double g = entries(gradient.value())[i];
        m[i] = 0.8 * m[i] + 0.2 * g;
        v[i] = 0.9 * v[i] + 0.1 * g * g;
        const double d = std::sqrt(v[i] / (1 - std::pow(0.9, t))) + 1e-3;
        x[i] = shrunk(0.98 * x[i] - 0.1 * m[i] / (1 - std::pow(0.8, t)) / d, scaled ? 0.06 / d : 0.06);
        CHECK(entries(p.value())[i] == Approx(x[i]).margin(1e-14));
      }
    }
  }
}

TEST_CASE("proximal optimizers converge to the optimum of the penalised loss, with its zeros") {
  const SparseLasso lasso;
  const auto solve = [&](optim::Optimizer& o, const nt::Parameter& x, int steps) {
    optim::Scheduler decay(
        o, [&](std::int64_t step) { return step < steps / 2 ? 1.0 : std::pow(0.98, step - steps / 2); });
    for (int i = 0; i < steps; ++i, decay.step()) o.step(lasso.loss(x));
    std::size_t zeros = 0;
    const double violation = lasso.violation(x.value(), &zeros);
    CHECK(zeros >= 5);
    CHECK(zeros <= 9);
    return violation;
  };
  const nt::Parameter x(nt::zeros({12}, nt::f64));
  optim::ProximalSGD plain({x}, {.lr = 0.4, .l1 = lasso.l1});
  CHECK(solve(plain, x, 400) < 1e-10);
  const nt::Parameter y(nt::ones({12}, nt::f64));
  optim::ProximalSGD averaged({y}, {.lr = 0.2, .l1 = lasso.l1, .momentum = 0.5});
  CHECK(solve(averaged, y, 600) < 1e-8);
  const nt::Parameter z(nt::ones({12}, nt::f64));
  optim::ProximalAdam adam({z}, {.lr = 0.02, .l1 = lasso.l1, .betas = {0.9, 0.9}});
  CHECK(solve(adam, z, 1500) < 1e-4);
}

TEST_CASE("proximal optimizers: groups without a penalty, invalid options") {
  const nt::Parameter w(nt::full({2}, 0.01));
  const nt::Parameter b(nt::full({2}, 0.01));
  optim::ProximalSGD o({{{w}, {.lr = 0.1, .l1 = 1}}, {{b}, {.lr = 0.1}}});
  w.set_grad(nt::zeros({2}));
  b.set_grad(nt::zeros({2}));
  o.step();
  CHECK(identical(w.value(), nt::zeros({2}).value()));
  CHECK(identical(b.value(), nt::full({2}, 0.01).value()));
  CHECK_THROWS_WITH(optim::ProximalSGD({w}, {.l1 = -1}), contains("ProximalSGD: l1"));
  CHECK_THROWS_WITH(optim::ProximalSGD({w}, {.momentum = 1}), contains("ProximalSGD: momentum"));
  CHECK_THROWS_WITH(optim::ProximalAdam({w}, {.betas = {1, 0}}), contains("ProximalAdam: betas.first"));
}
