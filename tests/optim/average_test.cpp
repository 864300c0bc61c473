// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/average.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {
nt::Tensor value_at(int step) { return nt::tensor({std::sin(step), std::cos(3.0 * step)}, nt::f64); }
}  // namespace

TEST_CASE("the exponential average is the sum of all values, each weighted by its age") {
  const nt::Parameter p(nt::zeros({2}, nt::f64));
  optim::ExponentialMovingAverage ema(std::vector{p}, {.decay = 0.7});
  for (int n = 1; n <= 6; ++n) {
    p.set_value(value_at(n).value());
    ema.update();
  }
  nt::Tensor want = std::pow(0.7, 5) * value_at(1);
  for (int n = 2; n <= 6; ++n) want = want + 0.3 * std::pow(0.7, 6 - n) * value_at(n);
  CHECK(distance(ema.averages()[0], want.value()) < 1e-15);
  CHECK(ema.updates() == 6);

  optim::ExponentialMovingAverage warm(std::vector{p}, {.decay = 0.99, .warm_up = true});
  p.set_value(value_at(1).value());
  warm.update();
  p.set_value(value_at(2).value());
  warm.update();
  CHECK(distance(warm.averages()[0], (0.25 * value_at(1) + 0.75 * value_at(2)).value()) < 1e-15);
  CHECK_THROWS_WITH(optim::ExponentialMovingAverage(std::vector{p}, {.decay = 1}), contains("decay"));
}

TEST_CASE("the stochastic weight average is the mean, in f32 too") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Parameter p(nt::zeros({2}, dtype));
    optim::StochasticWeightAverage swa(std::vector{p});
    nt::Tensor sum = nt::zeros({2}, nt::f64);
    for (int n = 1; n <= 50; ++n) {
      p.set_value(value_at(n).to(dtype).value());
      swa.update();
      sum = sum + value_at(n);
    }
    CHECK(distance(nt::core::cast(swa.averages()[0], nt::f64), (sum / 50.0).value()) <
          (dtype == nt::f32 ? 1e-7 : 1e-15));
  }
}

TEST_CASE("averages replace the parameters for a scope, or permanently") {
  const nt::Parameter p(value_at(1));
  optim::StochasticWeightAverage swa(std::vector{p});
  swa.update();
  p.set_value(value_at(2).value());
  swa.update();
  const nt::Tensor y = nt::sum(p * p);  // a graph keeps its saved values
  const nt::Array mean = (0.5 * (value_at(1) + value_at(2))).value();
  {
    const auto scope = swa.average_parameters();
    CHECK(distance(p.value(), mean) < 1e-15);
    CHECK_THROWS_WITH(swa.update(), contains("hold the averages"));
    CHECK_THROWS_AS(swa.average_parameters(), nt::ValueError);
    // Values written within the scope are discarded, and do not change the averages.
    p.set_value(value_at(9).value());
  }
  CHECK(identical(p.value(), value_at(2).value()));
  CHECK(distance(swa.averages()[0], mean) < 1e-15);
  y.backward();
  CHECK(identical(p.grad().value(), (2.0 * value_at(2)).value()));
  swa.update();
  swa.copy_to();
  CHECK(distance(p.value(), ((value_at(1) + value_at(2) + value_at(2)) / 3.0).value()) < 1e-15);
}

TEST_CASE("averages resume from a state dict bit for bit") {
  const nt::Parameter p(nt::zeros({2}, nt::f64));
  const auto feed = [&](optim::WeightAverage& average, int from, int to) {
    for (int n = from; n <= to; ++n) {
      p.set_value(value_at(n).value());
      average.update();
    }
  };
  optim::ExponentialMovingAverage whole(std::vector{p}, {.decay = 0.9, .warm_up = true});
  feed(whole, 1, 3);
  const auto state = whole.state_dict();
  const nt::Array before = nt::core::copy(state[1].second);
  feed(whole, 4, 6);
  CHECK(identical(state[1].second, before));
  optim::ExponentialMovingAverage resumed(std::vector{p}, {.decay = 0.9, .warm_up = true});
  resumed.load_state_dict(state);
  feed(resumed, 4, 6);
  CHECK(identical(whole.averages()[0], resumed.averages()[0]));
  CHECK_THROWS_WITH(resumed.load_state_dict({}), contains("missing: updates, average.0"));
  CHECK(resumed.updates() == 6);
  CHECK_THROWS_AS(resumed.add(std::vector{p}), nt::ValueError);
}

TEST_CASE("a model's buffers are averaged with it; counters are copied") {
  const nn::Sequential model(nn::BatchNorm1d(2));
  optim::StochasticWeightAverage swa(model.parameters());
  swa.add(model.buffers());
  nt::Tensor means = nt::zeros({2});
  for (int n = 1; n <= 3; ++n) {
    model(nt::Tensor(nt::random::normal({8, 2}, n)));
    swa.update();
    means = means + model.buffers()[0].tensor();
  }
  CHECK_FALSE(identical(model.buffers()[0].value(), (means / 3.0).value()));
  const auto scope = swa.average_parameters();
  CHECK(distance(model.buffers()[0].value(), (means / 3.0).value()) < 1e-6);
  bool counted = false;
  for (const auto& b : model.buffers()) {
    if (b.dtype() != nt::i64) continue;
    counted = true;
    CHECK(b.value().item<std::int64_t>() == 3);
  }
  CHECK(counted);
}
