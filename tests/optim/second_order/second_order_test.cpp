// SPDX-License-Identifier: BSD-3-Clause
// The methods of minimize as optimizers of training loops, and derivatives of minima.
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/second_order/argmin.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/result.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <cmath>
#include <memory>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace optim = newtape::optim;
using nt::Array;
using nt::Tensor;

namespace {

/// A small tanh network and its data.
struct Task {
  explicit Task(nt::DType dtype = nt::f64, std::uint64_t seed = 3)
      : x(normal({40, 3}, 1, dtype)),
        y(nt::sin(nt::sum(x, {1}, true))),
        model(nn::Linear(3, 6), nn::Tanh(), nn::Linear(6, 1)) {
    model.to(dtype);
    std::uint64_t k = seed;
    for (const auto& p : model.parameters()) p.set_value(normal(p.shape(), k++, dtype).value() * 0.5);
  }
  Tensor loss() const { return nn::mse_loss(model(x), y); }
  std::function<Tensor()> closure() const {
    return [this] { return loss(); };
  }
  Tensor x, y;
  nn::Sequential model;
};

struct NamedOptimizer {
  const char* name;
  std::function<std::unique_ptr<optim::SecondOrder>(std::vector<nt::Parameter>)> make;
};
const std::vector<NamedOptimizer>& second_order_optimizers() {
  using Params = std::vector<nt::Parameter>;
  static const std::vector<NamedOptimizer> list{
      {"LBFGS",
       [](Params p) { return std::make_unique<optim::LBFGS>(p, optim::SecondOrderOptions{.max_iterations = 3}); }},
      {"BFGS", [](Params p) { return std::make_unique<optim::BFGS>(p); }},
      {"NonlinearCG", [](Params p) { return std::make_unique<optim::NonlinearCG>(p); }},
      {"Newton", [](Params p) { return std::make_unique<optim::Newton>(p); }},
      {"DampedNewton", [](Params p) { return std::make_unique<optim::DampedNewton>(p); }},
      {"SaddleFreeNewton", [](Params p) { return std::make_unique<optim::SaddleFreeNewton>(p); }},
      {"NewtonCG", [](Params p) { return std::make_unique<optim::NewtonCG>(p); }},
      {"TrustRegionNewton", [](Params p) { return std::make_unique<optim::TrustRegionNewton>(p); }},
      {"HessianFree", [](Params p) { return std::make_unique<optim::HessianFree>(p); }},
      {"SR1", [](Params p) { return std::make_unique<optim::SecondOrder>(p, optim::sr1()); }},
      {"Hutchinson",
       [](Params p) {
         return std::make_unique<optim::SecondOrder>(
             p, optim::Method{"diagonal", optim::curvature::hutchinson(), optim::direction::newton(),
                              optim::globalization::backtracking()});
       }},
  };
  return list;
}
/// One step, on outputs and loss as two functions where the method needs that.
Tensor step_of(optim::SecondOrder& o, const Task& t, const char* name) {
  if (std::string(name) != "HessianFree") return o.step(t.closure());
  return o.step([&] { return t.model(t.x); }, [&](const Tensor& out) { return nn::mse_loss(out, t.y); });
}

}  // namespace

TEST_CASE("every second-order optimizer lowers the loss in each step, in f64 and f32") {
  for (const auto dtype : {nt::f64, nt::f32}) {
    for (const auto& [name, make] : second_order_optimizers()) {
      INFO(name << " " << nt::name(dtype));
      const Task t(dtype);
      const auto o = make(t.model.parameters());
      const double first = t.loss().item();
      double last = first;
      for (int i = 0; i < 12; ++i) {
        const Tensor before = step_of(*o, t, name);
        CHECK(before.dtype() == dtype);
        CHECK(before.item() == Approx(last));
        const double now = t.loss().item();
        CHECK(now <= last * (1 + 1e-6));
        last = now;
      }
      CHECK(last < 0.5 * first);
    }
  }
}

TEST_CASE("steps of an optimizer are the iterations of minimize") {
  const Task a, b;
  optim::BFGS steps(a.model.parameters());
  for (int i = 0; i < 8; ++i) steps.step(a.closure());
  const auto result =
      optim::minimize(b.closure(), b.model.parameters(), {.method = optim::bfgs(), .stop = {.max_iterations = 8}});
  CHECK(result.status == optim::Status::max_iterations);
  CHECK(result.value == a.loss().item());
  for (std::size_t i = 0; i < a.model.parameters().size(); ++i) {
    CHECK(distance(a.model.parameters()[i].value(), b.model.parameters()[i].value()) == 0);
  }
}

TEST_CASE("minimize leaves frozen parameters where they are") {
  const nt::Parameter a(nt::tensor({1, 2}, nt::f64)), b(nt::tensor({3}, nt::f64));
  b.requires_grad(false);
  const auto result = optim::minimize([&] { return nt::sum(nt::square(a - 2.0 * b)); }, {b, a});
  CHECK(result.converged());
  CHECK(distance(result.x().value(), nt::tensor({6, 6}, nt::f64).value()) < 1e-7);
  CHECK(distance(a.value(), result.x().value()) == 0);
  CHECK(b.value().item() == 3);
}

TEST_CASE("Newton's method solves a quadratic in one step") {
  // Least squares: the closed form by the normal equations.
  const Tensor x = normal({20, 4}, 1), y = normal({20, 1}, 2);
  const nt::Parameter w(normal({4, 1}, 3));
  const auto loss = [&] { return nt::mean(nt::square(nt::matmul(x, w) - y)); };
  optim::Newton newton({w});
  newton.step(loss);
  const Tensor xt = nt::transpose(x);
  CHECK(distance(w.value(), nt::linalg::solve(nt::matmul(xt, x), nt::matmul(xt, y)).value()) < 1e-12);
  // At the solution a step changes nothing.
  const Array there = core::copy(w.value());
  newton.step(loss);
  CHECK(distance(w.value(), there) < 1e-14);
}

TEST_CASE("every second-order optimizer resumes bit for bit") {
  for (const auto& [name, make] : second_order_optimizers()) {
    INFO(name);
    const Task t;
    const auto o = make(t.model.parameters());
    for (int i = 0; i < 4; ++i) step_of(*o, t, name);
    const auto weights = t.model.state_dict();
    const auto state = o->state_dict("optimizer.");

    const Task other(nt::f64, 77);
    other.model.load_state_dict(weights);
    const auto resumed = make(other.model.parameters());
    resumed->load_state_dict(state, {.prefix = "optimizer."});
    for (int i = 0; i < 3; ++i) {
      step_of(*o, t, name);
      step_of(*resumed, other, name);
    }
    for (std::size_t i = 0; i < t.model.parameters().size(); ++i) {
      CHECK(distance(t.model.parameters()[i].value(), other.model.parameters()[i].value()) == 0);
    }
  }
}

TEST_CASE("a state that does not fit changes nothing") {
  const Task t;
  optim::BFGS o(t.model.parameters());
  for (int i = 0; i < 3; ++i) o.step(t.closure());
  auto state = o.state_dict();
  for (auto& [name, value] : state) {
    if (name == "method.curvature.matrix") value = core::zeros({2, 2}, nt::f64);
  }
  const auto before = o.state_dict();
  CHECK_THROWS_WITH(o.load_state_dict(state), contains("method.curvature.matrix"));
  const auto after = o.state_dict();
  REQUIRE(after.size() == before.size());
  // The engine's state still refers to the parameters before; for fewer of them it is discarded.
  t.model.parameters()[0].requires_grad(false);
  const double loss = t.loss().item();
  o.step(t.closure());
  CHECK(t.loss().item() < loss);
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(distance(after[i].second, before[i].second) == 0);
}

TEST_CASE("frozen parameters stay, and freezing resets the curvature") {
  const Task t;
  optim::LBFGS o(t.model.parameters());
  o.step(t.closure());
  const auto frozen = t.model.parameters()[0];
  frozen.requires_grad(false);
  const Array kept = core::copy(frozen.value());
  const double before = t.loss().item();
  o.step(t.closure());
  CHECK(distance(frozen.value(), kept) == 0);
  CHECK(t.loss().item() < before);
  for (const auto& p : t.model.parameters()) p.requires_grad(false);
  const double now = t.loss().item();
  CHECK(o.step(t.closure()).item() == now);
  CHECK(t.loss().item() == now);
}

TEST_CASE("parameters that a loss does not read stay where they are") {
  const nt::Parameter used(nt::tensor({1, 2}, nt::f64)), unused(nt::tensor({3}, nt::f64)),
      empty(nt::zeros({0}, nt::f64));
  for (const auto& [name, make] : second_order_optimizers()) {
    if (std::string(name) == "HessianFree") continue;
    INFO(name);
    used.set_value(nt::tensor({1, 2}, nt::f64).value());
    unused.set_value(nt::tensor({3}, nt::f64).value());
    const auto o = make({used, unused, empty});
    for (int i = 0; i < 30; ++i) o->step([&] { return nt::sum(nt::square(used - 5)); });
    CHECK(unused.value().item() == 3);
    CHECK(distance(used.value(), nt::tensor({5, 5}, nt::f64).value()) < 1e-5);
  }
}

TEST_CASE("lr scales the step") {
  const nt::Parameter w(nt::tensor({1, -4}, nt::f64));
  optim::Newton newton({w}, {.lr = 0.25});
  newton.step([&] { return nt::sum(nt::square(w - 2)); });
  CHECK(distance(w.value(), nt::tensor({1.25, -2.5}, nt::f64).value()) < 1e-14);
}

TEST_CASE("second-order optimizers reject invalid calls") {
  const nt::Parameter w(nt::tensor({1, -4}, nt::f64)), half(nt::tensor({1}, nt::f32));
  CHECK_THROWS_AS(optim::LBFGS({w, half}), nt::DTypeError);
  CHECK_THROWS_AS(optim::LBFGS({}), nt::ValueError);
  CHECK_THROWS_AS(optim::LBFGS({w}, {.max_iterations = 0}), nt::ValueError);
  CHECK_THROWS_AS(optim::curvature::lbfgs({.history = 0}), nt::ValueError);
  CHECK_THROWS_AS(optim::SecondOrder({w}, {"none", optim::curvature::bfgs(), {}, {}}), nt::ValueError);
  optim::LBFGS o({w});
  CHECK_THROWS_WITH(o.step(), contains("closure"));
  CHECK_THROWS_AS(o.step([&] { return nt::sum(nt::log(w)); }), nt::NumericalError);
  CHECK(distance(w.value(), nt::tensor({1, -4}, nt::f64).value()) == 0);
  CHECK_THROWS_AS(o.step([&] { return nt::square(w); }), nt::ShapeError);
  optim::HessianFree free({w});
  CHECK_THROWS_WITH(free.step([&] { return nt::sum(nt::square(w)); }), contains("two functions"));
}

TEST_CASE("a minimum is differentiated by the implicit function theorem") {
  // Ridge regression: x(theta) = (A^T A + theta I)^-1 A^T b.
  const Tensor a = normal({8, 3}, 1), b = normal({8}, 2);
  const auto ridge = [&](const Tensor& theta) {
    return optim::argmin(
        [&](const Tensor& x, const Tensor& t) {
          return nt::sum(nt::square(nt::matmul(a, x) - b)) + nt::sum(t * nt::square(x));
        },
        nt::zeros({3}, nt::f64), theta,
        {.minimize = {.method = optim::newton(), .stop = {.gradient_tolerance = 1e-12}}});
  };
  const auto closed = [&](const Tensor& theta) {
    const Tensor at = nt::transpose(a);
    return nt::linalg::solve(nt::matmul(at, a) + theta * nt::eye(3, nt::f64), nt::matmul(at, b));
  };
  const Tensor theta = nt::tensor({0.7}, nt::f64);
  CHECK(distance(ridge(theta).value(), closed(theta).value()) < 1e-12);
  CHECK(distance(nt::jacobian(ridge, theta).value(), nt::jacobian(closed, theta).value()) < 1e-10);
  const auto curve = [](const nt::UnaryFunction& f) {
    return nt::grad(nt::grad([f](const Tensor& t) { return nt::sum(nt::square(f(t))); }));
  };
  CHECK(distance(curve(ridge)(theta).value(), curve(closed)(theta).value()) < 1e-8);
}

TEST_CASE("argmin of several tensors, and its errors") {
  const auto f = [](std::span<const Tensor> x, std::span<const Tensor> theta) {
    return nt::sum(nt::square(x[0] - theta[0])) + nt::square(x[1] - nt::sum(theta[1])) * 3;
  };
  const std::vector<Tensor> x0{nt::zeros({2}, nt::f64), nt::zeros({}, nt::f64)};
  const std::vector<Tensor> theta{nt::variable(nt::tensor({1, 2}, nt::f64)), nt::variable(nt::tensor({3, 4}, nt::f64))};
  const auto x = optim::argmin(f, x0, theta);
  CHECK(distance(x[0].value(), theta[0].value()) < 1e-8);
  CHECK(x[1].item() == Approx(7));
  nt::sum(nt::square(x[0])).backward({.retain_graph = true});
  CHECK(distance(theta[0].grad().value(), nt::tensor({2, 4}, nt::f64).value()) < 1e-7);
  x[1].backward();
  CHECK(distance(theta[1].grad().value(), nt::tensor({1, 1}, nt::f64).value()) < 1e-9);

  const auto unbounded = [](const Tensor& y, const Tensor& t) { return nt::sum(y * t); };
  CHECK_THROWS_AS(optim::argmin(unbounded, nt::tensor({1}, nt::f64), nt::tensor({1}, nt::f64)), nt::NumericalError);
  CHECK_THROWS_AS(optim::argmin(f, x0, theta, {.minimize = {.lower = {nt::tensor(0, nt::f64)}}}), nt::ValueError);
}
