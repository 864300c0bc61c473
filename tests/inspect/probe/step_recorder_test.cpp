// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/array/print.hpp>
#include <newtape/inspect/probe/step_recorder.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cmath>
#include <cstring>

using namespace newtape;

namespace {
struct RecordedNet : nn::Module<RecordedNet> {
  nn::Linear fc1 = add("fc1", nn::Linear(4, 8));
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d(8));
  nn::Dropout dropout = add("dropout", nn::Dropout(0.5));
  nn::Linear fc2 = add("fc2", nn::Linear(8, 1));
  Tensor forward(const Tensor& x) const { return fc2(dropout(relu(norm(fc1(x))))); }
};

/// The logarithm of what its layer computes.
struct LogLayer : nn::Module<LogLayer> {
  nn::Linear fc = add("fc", nn::Linear(2, 2));
  Tensor forward(const Tensor& x) const { return log(fc(x)); }
};
struct LogNet : nn::Module<LogNet> {
  nn::Linear first = add("first", nn::Linear(2, 2));
  LogLayer second = add("second", LogLayer());
  Tensor forward(const Tensor& x) const { return second(first(x)); }
};

bool same_bits(const NamedArrays& a, const NamedArrays& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Array& x = a[i].second;
    const Array& y = b[i].second;
    if (a[i].first != b[i].first || x.shape() != y.shape()) return false;
    if (std::memcmp(x.raw(), y.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) != 0) return false;
  }
  return true;
}
}  // namespace

TEST_CASE("StepRecorder runs a step again bit for bit, with dropout, batch norm and Adam") {
  const RecordedNet model;
  optim::Adam adam(model.parameters(), {.lr = 0.01});
  inspect::StepRecorder recorder(model, adam);
  const auto step = [&](std::span<const Tensor> batch) {
    return adam.step([&] { return nn::mse_loss(model(batch[0]), batch[1]); });
  };
  double loss = 0;
  for (int i = 0; i < 5; ++i) {
    loss = recorder.run({random::normal({16, 4}), random::normal({16, 1})}, step).item();
  }
  const auto values = model.state_dict();
  const auto state = adam.state_dict();
  const auto position = default_generator().position();
  CHECK(recorder.replay(step).item() == loss);
  CHECK(same_bits(model.state_dict(), values));
  CHECK(same_bits(adam.state_dict(), state));
  CHECK(default_generator().position() == position);
  CHECK(recorder.steps() == 5);
}

TEST_CASE("StepRecorder restores modes and gradients") {
  const RecordedNet model;
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  inspect::StepRecorder recorder(model, sgd);
  CHECK_THROWS_AS(recorder.restore(), ValueError);
  const Tensor x = random::normal({8, 4});
  mean(model(x)).backward();
  const double grad = sum(model.fc2.parameter("weight").grad()).item();
  model.dropout.eval();
  recorder.save({x});
  model.train();
  mean(model(x)).backward();
  sgd.step();
  recorder.restore();
  CHECK_FALSE(model.dropout.is_training());
  CHECK(model.norm.is_training());
  CHECK(sum(model.fc2.parameter("weight").grad()).item() == grad);
}

TEST_CASE("StepRecorder names module, operation, line, step and ranges of a NaN in the forward pass") {
  const LogNet model;
  model.first.parameter("weight").set_value(eye(2));
  model.first.parameter("bias").set_value(zeros({2}));
  model.second.fc.parameter("weight").set_value(eye(2));
  model.second.fc.parameter("bias").set_value(zeros({2}));
  optim::SGD sgd(model.parameters(), {.lr = 0.01});
  inspect::StepRecorder recorder(model, sgd);
  const auto step = [&](std::span<const Tensor> batch) { return sgd.step([&] { return mean(model(batch[0])); }); };
  recorder.run({ones({3, 2})}, step);
  const auto before = model.state_dict();
  std::string message;
  try {
    recorder.run({tensor({{1.0, -3.0}, {2.0, 5.0}})}, step);
  } catch (const NumericalError& e) {
    message = e.what();
  }
  CAPTURE(message);
  CHECK(message.find("step 1, module second:") == 0);
  CHECK(message.find("result of log") != std::string::npos);
  CHECK(message.find("step_recorder_test.cpp:") != std::string::npos);
  CHECK(message.find("input 0: [-3") != std::string::npos);
  CHECK(same_bits(model.state_dict(), before));
}

TEST_CASE("StepRecorder names the module that a sweep had reached") {
  struct RootNet : nn::Module<RootNet> {
    nn::Linear fc = add("fc", nn::Linear(2, 2));
    Tensor forward(const Tensor& x) const { return fc(x); }
  };
  const RootNet model;
  model.fc.parameter("weight").set_value(zeros({2, 2}));
  model.fc.parameter("bias").set_value(zeros({2}));
  optim::SGD sgd(model.parameters(), {.lr = 0.01});
  inspect::StepRecorder recorder(model, sgd);
  // The derivative of a square root at 0 is infinite.
  const auto step = [&](std::span<const Tensor> batch) {
    return sgd.step([&] { return mean(sqrt(model(batch[0]))); });
  };
  recorder.save({ones({3, 2})});
  const auto report = recorder.explain(step);
  CHECK(report.failed);
  CHECK(report.error.find("sqrt") != std::string::npos);
  CHECK(report.step == 0);
}
