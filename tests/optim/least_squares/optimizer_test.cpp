// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "optim/least_squares/algorithms.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>

#include <algorithm>
#include <memory>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {

/// y = a exp(-b x) with a little noise.
struct Decay {
  nt::Tensor x, y;
  nt::Parameter a, b;

  explicit Decay(nt::DType dtype)
      : x(nt::arange(20, dtype) / 5), a(nt::tensor({0.5}, dtype).value()), b(nt::tensor({0.3}, dtype).value()) {
    y = 2 * nt::exp(-1.5 * x) + 0.01 * nt::sin(40 * x);
  }
  nt::Tensor residuals() const { return a * nt::exp(-b * x) - y; }
  nt::Tensor x0() const { return nt::concatenate({a.tensor().detach(), b.tensor().detach()}); }
};

}  // namespace

TEST_CASE("steps of the optimizers are the iterations of least_squares") {
  for (const auto dtype : {nt::f64, nt::f32}) {
    for (const auto algorithm : algorithms) {
      INFO(optim::to_string(algorithm));
      const Decay p(dtype);
      optim::LeastSquaresOptions o;
      o.algorithm = algorithm;
      std::vector<nt::Tensor> way;
      o.stop.callback = [&](const optim::Iteration&, const std::vector<nt::Tensor>& xs) {
        way.push_back(xs[0]);
        return true;
      };
      const auto r =
          optim::least_squares([&](const nt::Tensor& v) { return v[0] * nt::exp(-v[1] * p.x) - p.y; }, p.x0(), o);
      optim::LeastSquaresOptimizer optimizer({p.a, p.b}, algorithm);
      for (std::size_t i = 0; i + 1 < std::min<std::size_t>(way.size(), 5); ++i) {
        CHECK(optimizer.step([&] { return p.residuals(); }).item() ==
              Approx(r.trace[i].value).epsilon(dtype == nt::f32 ? 1e-4 : 1e-12));
        CHECK(optimizer.last().moved);
        CHECK(distance(p.x0().value(), way[i + 1].value()) < (dtype == nt::f32 ? 1e-4 : 1e-11));
      }
    }
  }
}

TEST_CASE("least-squares optimizers resume bit for bit from their state") {
  for (const auto algorithm : algorithms) {
    for (const auto dtype : {nt::f64, nt::f32}) {
      const Decay straight(dtype);
      const Decay resumed(dtype);
      optim::LeastSquaresOptimizer one({straight.a, straight.b}, algorithm);
      for (int i = 0; i < 5; ++i) one.step([&] { return straight.residuals(); });

      nt::NamedArrays state;
      {
        optim::LeastSquaresOptimizer first({resumed.a, resumed.b}, algorithm);
        for (int i = 0; i < 2; ++i) first.step([&] { return resumed.residuals(); });
        state = first.state_dict("opt.");
      }
      optim::LeastSquaresOptimizer second({resumed.a, resumed.b}, algorithm);
      second.load_state_dict(state, {.prefix = "opt."});
      for (int i = 0; i < 3; ++i) second.step([&] { return resumed.residuals(); });
      CHECK(identical(straight.x0().value(), resumed.x0().value()));
    }
  }
  const Decay p(nt::f64);
  optim::LevenbergMarquardt lm({p.a, p.b});
  lm.step([&] { return p.residuals(); });
  auto state = lm.state_dict();
  for (auto& [name, value] : state) {
    if (name == "lengths") value = nt::core::ones({3}, nt::f64);
  }
  CHECK_THROWS_WITH(lm.load_state_dict(state), contains("lengths"));
}

TEST_CASE("least-squares optimizers skip frozen parameters, and reject invalid calls") {
  const Decay p(nt::f64);
  optim::GaussNewton optimizer({p.a, p.b});
  p.b.requires_grad(false);
  const double loss = optimizer.step([&] { return p.residuals(); }).item();
  CHECK(p.b.tensor().item() == 0.3);
  // Linear in a: one step reaches the solution.
  const auto e = nt::exp(-0.3 * p.x);
  CHECK(p.a.tensor().item() == Approx((nt::sum(e * p.y) / nt::sum(e * e)).item()).epsilon(1e-13));
  CHECK(loss == Approx(0.5 * nt::sum(nt::square(0.5 * e - p.y)).item()).epsilon(1e-13));
  p.b.requires_grad(true);
  optimizer.step([&] { return p.residuals(); });
  CHECK(p.b.tensor().item() != 0.3);

  p.a.requires_grad(false);
  p.b.requires_grad(false);
  const double before = p.b.tensor().item();
  CHECK(optimizer.step([&] { return p.residuals(); }).item() ==
        Approx(0.5 * nt::sum(nt::square(p.residuals())).item()));
  CHECK(p.b.tensor().item() == before);
  p.a.requires_grad(true);

  CHECK_THROWS_AS(optimizer.step(), nt::ValueError);
  CHECK_THROWS_AS(optimizer.step(p.residuals()), nt::ValueError);
  CHECK_THROWS_AS(optimizer.step([&] { return p.residuals() * NAN; }), nt::NumericalError);
  CHECK_THROWS_AS(optim::Dogleg({p.a}, {.loss_scale = 0}), nt::ValueError);
  const nt::Parameter single(nt::tensor(1, nt::f32).value());
  CHECK_THROWS_AS(optim::Dogleg({p.a, single}), nt::DTypeError);
}

namespace {

/// 10-20-10-1, tanh: 441 parameters; a smooth target of 10 inputs that it cannot represent exactly.
struct Network {
  nt::Tensor x, y;
  nn::Sequential model;

  explicit Network(std::int64_t samples) {
    nt::Generator random(5);
    x = nt::random::uniform({samples, 10}, -1, 1, nt::f64, random);
    const nt::Tensor a = nt::slice(x, 1, 0, 5);
    const nt::Tensor b = nt::slice(x, 1, 5, 10);
    y = nt::sum(a * b, 1, true) + nt::sin(2 * nt::sum(a, 1, true)) / 2;
    nt::manual_seed(3);
    model = nn::Sequential(nn::Linear(10, 20), nt::tanh, nn::Linear(20, 10), nt::tanh, nn::Linear(10, 1));
    model.to(nt::f64);
  }
  nt::Tensor residuals() const { return model(x) - y; }
  double mean_square() const { return nt::mean(nt::square(residuals())).item(); }
};

}  // namespace

TEST_CASE("a tanh network of 441 parameters: Levenberg-Marquardt reaches a loss that Adam does not") {
  const Network by_lm(150);
  optim::LevenbergMarquardt lm(by_lm.model.parameters());
  for (int i = 0; i < 30; ++i) lm.step([&] { return by_lm.residuals(); });

  const Network by_adam(150);
  optim::Adam adam(by_adam.model.parameters(), {.lr = 1e-2});
  for (int i = 0; i < 600; ++i) {
    adam.zero_grad();
    nt::mean(nt::square(by_adam.residuals())).backward();
    adam.step();
  }
  CHECK(by_lm.mean_square() < 1e-12);
  CHECK(by_adam.mean_square() > 1e6 * by_lm.mean_square());
}
