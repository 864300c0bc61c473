// SPDX-License-Identifier: BSD-3-Clause
// Optimizers that PyTorch 1.13 does not have, against their papers' formulas, worked in double precision.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

using Numbers = std::vector<double>;

double norm_of(const Numbers& v) {
  double s = 0;
  for (const double x : v) s += x * x;
  return std::sqrt(s);
}

/// Five steps with the gradients g_t, entry by entry: `rule(t, p, g)` is the formula.
template <class O, class Rule>
void compare_entries(O& optimizer, const nt::Parameter& p, Rule rule, double tolerance = 1e-14) {
  Numbers want = entries(p.value());
  nt::Generator random(7);
  for (int t = 1; t <= 5; ++t) {
    INFO("step " << t);
    const auto g = nt::random::normal(p.shape(), 0, 1, nt::f64, random);
    p.set_grad(g);
    optimizer.step();
    rule(t, want, entries(g));
    CHECK(distance(p.value(), array_of(p.shape(), want)) < tolerance);
  }
}

nt::Parameter six_numbers() { return nt::Parameter(array_of({2, 3}, {0.5, -1, 2, 0, 0.25, -3})); }

}  // namespace

TEST_CASE("Lion follows its paper's algorithm 2") {
  const auto p = six_numbers();
  optim::Lion lion({p}, {.lr = 0.1, .betas = {0.8, 0.95}, .weight_decay = 0.2});
  Numbers m(6);
  compare_entries(lion, p, [&](int, Numbers& x, const Numbers& g) {
    for (std::size_t i = 0; i < 6; ++i) {
      const double c = 0.8 * m[i] + 0.2 * g[i];
      x[i] -= 0.1 * ((c > 0) - (c < 0) + 0.2 * x[i]);
      m[i] = 0.95 * m[i] + 0.05 * g[i];
    }
  });
}

TEST_CASE("NAdam follows Dozat's algorithm, with its schedule of momenta") {
  const auto p = six_numbers();
  optim::NAdam nadam({p}, {.lr = 0.1, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2, .momentum_decay = 0.1});
  Numbers m(6);
  Numbers v(6);
  double product = 1;
  compare_entries(nadam, p, [&](int t, Numbers& x, const Numbers& g) {
    const auto mu = [](int s) { return 0.8 * (1 - 0.5 * std::pow(0.96, 0.1 * s)); };
    product *= mu(t);
    for (std::size_t i = 0; i < 6; ++i) {
      const double d = g[i] + 0.2 * x[i];
      m[i] = 0.8 * m[i] + 0.2 * d;
      v[i] = 0.95 * v[i] + 0.05 * d * d;
      const double ahead = mu(t + 1) * m[i] / (1 - product * mu(t + 1)) + (1 - mu(t)) * d / (1 - product);
      x[i] -= 0.1 * ahead / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-3);
    }
  });
}

TEST_CASE("LAMB follows its paper's algorithm 2") {
  const auto p = six_numbers();
  optim::LAMB lamb({p}, {.lr = 0.1, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2});
  Numbers m(6);
  Numbers v(6);
  compare_entries(lamb, p, [&](int t, Numbers& x, const Numbers& g) {
    Numbers u(6);
    for (std::size_t i = 0; i < 6; ++i) {
      m[i] = 0.8 * m[i] + 0.2 * g[i];
      v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
      u[i] = m[i] / (1 - std::pow(0.8, t)) / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-3) + 0.2 * x[i];
    }
    const double trust = norm_of(x) / norm_of(u);
    for (std::size_t i = 0; i < 6; ++i) x[i] -= 0.1 * trust * u[i];
  });
  const nt::Parameter zero(nt::zeros({2}, nt::f64));  // with norm 0, the step is Adam's
  optim::LAMB other({zero}, {.lr = 0.1, .eps = 0});
  zero.set_grad(nt::tensor({3, -2}, nt::f64));
  other.step();
  CHECK(distance(zero.value(), nt::tensor({-0.1, 0.1}, nt::f64).value()) < 1e-15);
}

TEST_CASE("AdamWScheduleFree keeps z, x and y as in its paper's eqs. 3 to 5") {
  const auto p = six_numbers();
  const double beta1 = 0.8;
  optim::AdamWScheduleFree o({p},
                             {.lr = 0.1, .betas = {beta1, 0.95}, .eps = 1e-3, .weight_decay = 0.2, .warmup_steps = 3});
  Numbers z = entries(p.value());
  Numbers x = z;
  Numbers v(6);
  double weights = 0;
  double greatest = 0;
  compare_entries(
      o, p,
      [&](int t, Numbers& y, const Numbers& g) {
        const double lr = 0.1 * std::min(1.0, t / 3.0);
        greatest = std::max(greatest, lr);
        weights += greatest * greatest;
        const double c = greatest * greatest / weights;
        for (std::size_t i = 0; i < 6; ++i) {
          v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
          z[i] -= lr * (g[i] / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-3) + 0.2 * y[i]);
          x[i] += c * (z[i] - x[i]);
          y[i] = (1 - beta1) * z[i] + beta1 * x[i];
        }
      },
      1e-13);
  const Numbers y = entries(p.value());
  o.eval();
  o.eval();
  CHECK(distance(p.value(), array_of({2, 3}, x)) < 1e-13);
  CHECK_THROWS_WITH(o.step(), contains("train()"));
  const auto saved = o.state_dict();
  o.train();
  CHECK(distance(p.value(), array_of({2, 3}, y)) < 1e-13);
  o.load_state_dict(saved);
  CHECK_THROWS_AS(o.step(), nt::ValueError);
}

TEST_CASE("Muon steps by a nearly orthogonal matrix") {
  for (const auto& shape : {nt::Shape{4, 12}, nt::Shape{12, 4}, nt::Shape{6, 2, 5}}) {
    INFO(to_string(shape));
    const nt::Parameter p(nt::zeros(shape, nt::f64));
    optim::Muon muon({p}, {.lr = 1});
    nt::Generator random(3);
    const auto g = nt::random::normal(shape, 0, 1, nt::f64, random);
    p.set_grad(g);
    muon.step();
    const auto rows = shape[0];
    const auto columns = p.size() / rows;
    const double scale = std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
    const nt::Tensor u = -nt::reshape(p.tensor().detach(), {rows, columns}) / scale;
    // Jordan's coefficients leave the singular values between 0.68 and 1.13.
    const nt::Tensor square = rows < columns ? nt::matmul(u, nt::transpose(u)) : nt::matmul(nt::transpose(u), u);
    const auto n = square.shape(0);
    CHECK(nt::max(nt::abs(square - nt::eye(n, nt::f64))).item() < 0.6);
    CHECK(nt::min(nt::sum(square * nt::eye(n, nt::f64), 1)).item() > 0.4);
    // It lowers the loss.
    CHECK(nt::sum(p.tensor().detach() * nt::Tensor(g)).item() < 0);
  }
  const nt::Parameter vector(nt::zeros({3}));
  vector.set_grad(nt::ones({3}));
  optim::Muon muon({vector});
  CHECK_THROWS_WITH(muon.step(), contains("AdamW") && contains("[3]"));
}

TEST_CASE("one-pass optimizers reject invalid options") {
  const nt::Parameter p(nt::ones({2}));
  CHECK_THROWS_WITH(optim::Adagrad({p}, {.lr_decay = -1}), contains("Adagrad: lr_decay"));
  CHECK_THROWS_WITH(optim::Adadelta({p}, {.rho = 1.5}), contains("Adadelta: rho"));
  CHECK_THROWS_WITH(optim::RMSprop({p}, {.momentum = -1}), contains("RMSprop: momentum"));
  CHECK_THROWS_WITH(optim::Rprop({p}, {.etas = {0.5, 0.9}}), contains("Rprop: etas.second"));
  CHECK_THROWS_WITH(optim::Lion({p}, {.betas = {1, 0}}), contains("Lion: betas.first"));
  CHECK_THROWS_WITH(optim::LAMB({p}, {.eps = -1}), contains("LAMB: eps"));
  CHECK_THROWS_WITH(optim::NAdam({p}, {.momentum_decay = -1}), contains("NAdam: momentum_decay"));
  CHECK_THROWS_WITH(optim::AdamWScheduleFree({p}, {.warmup_steps = -1}), contains("warmup_steps"));
  CHECK_THROWS_WITH(optim::Muon({p}, {.momentum = 1}), contains("Muon: momentum"));
}
