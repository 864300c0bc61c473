// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/core/runtime/storage.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <thread>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;

namespace {

/// Classifies points by the quadrant's diagonal, which no linear model can.
struct TrainingRun {
  nt::Generator random{11};
  nt::Tensor x = nt::random::uniform({64, 2}, -1, 1, nt::f32, random);
  nt::Tensor target =
      nt::where(nt::select(x, 1, 0) * nt::select(x, 1, 1) > 0.0, nt::ones({}), nt::zeros({})).to(nt::i64);
  nn::Sequential model{nn::Linear(2, 16), nt::tanh, nn::Dropout(0.1), nn::Linear(16, 2)};
  optim::Adam optimizer{model.parameters(), {.lr = 0.01}};

  double step() {
    optimizer.zero_grad();
    const nt::Tensor loss = nn::cross_entropy(model(x), target);
    loss.backward();
    optim::clip_grad_norm(model.parameters(), 10);
    optimizer.step();
    return loss.item();
  }
};

}  // namespace

TEST_CASE("a model learns a nonlinear classification, reproducibly") {
  const auto train = [] {
    nt::manual_seed(5);
    TrainingRun run;
    double loss = 0;
    for (int i = 0; i < 600; ++i) loss = run.step();
    run.model.eval();
    const nt::Tensor right = nt::argmax(run.model(run.x), 1) == run.target;
    CHECK(nt::mean(right.to(nt::f32)).item() > 0.95);
    return loss;
  };
  const double first = train();
  CHECK(first < 0.3);
  CHECK(train() == first);
}

TEST_CASE("a training loop of 10,000 steps ends with the memory it had after the tenth") {
  TrainingRun run;
  for (int i = 0; i < 10; ++i) run.step();
  const auto live = nt::allocator::stats().live_bytes;
  for (int i = 10; i < 10000; ++i) run.step();
  CHECK(nt::allocator::stats().live_bytes == live);
}

TEST_CASE("two threads train two models at once, as each would alone") {
  const auto train = [](double* loss) {
    nt::manual_seed(9);
    TrainingRun run;
    for (int i = 0; i < 200; ++i) *loss = run.step();
  };
  double alone = 0;
  double a = 0;
  double b = 0;
  train(&alone);
  std::thread one(train, &a);
  std::thread two(train, &b);
  one.join();
  two.join();
  CHECK(a == alone);
  CHECK(b == alone);
}
