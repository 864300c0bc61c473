// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/small_tasks.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <algorithm>

namespace newtape::inspect::detail {

namespace {

using Loss = std::function<Tensor(const Tensor& output, const Tensor& target)>;

nn::Sequential make_network(std::int64_t inputs, std::int64_t outputs, const MakeHidden& hidden,
                            const SmallTaskOptions& options) {
  nn::Sequential model;
  model.push_back(nn::Linear(inputs, options.width));
  for (int i = 0; i < options.blocks; ++i) model.push_back(hidden(options.width));
  model.push_back(nn::Linear(options.width, outputs));
  return model;
}

void train_network(const nn::Sequential& model, const data::Dataset& set, const Loss& loss, const Run& run,
                   int epochs) {
  optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
  data::Loader loader(set, run.loader({.batch_size = 32, .drop_last = true, .prefetch = 0}));
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      loss(model(x), y).backward();
      optimizer.step();
    }
  }
  model.eval();
}

/// The examples to train on, and all others.
std::pair<data::Dataset, data::Dataset> divide(const data::Dataset& all, const Run& run,
                                               const SmallTaskOptions& options) {
  const auto train = std::clamp<std::int64_t>(options.examples, 32, all.size() * 3 / 4);
  Generator generator = run.generator(Source::split);
  auto parts = all.split({train, -1}, generator);
  return {parts[0], parts[1]};
}

}  // namespace

double digits_accuracy(const Run& run, const MakeHidden& hidden, const SmallTaskOptions& options) {
  static const data::Dataset all = [] {
    const auto set = data::digits().train;
    return data::Dataset{reshape(Tensor(set.array(0)), {-1, 64}), set.array(1)};
  }();
  const auto [train, test] = divide(all, run, options);
  const auto model = make_network(64, 10, hidden, options);
  run.initialize(model);
  train_network(
      model, train, [](const Tensor& p, const Tensor& y) { return nn::cross_entropy(p, y); }, run, options.epochs);
  const NoGrad guard;
  const Tensor right = argmax(model(test.array(0)), 1) == Tensor(test.array(1));
  return mean(right.to(f64)).item();
}

double diabetes_error(const Run& run, const MakeHidden& hidden, const SmallTaskOptions& options) {
  static const data::Dataset all = [] {
    const auto table = data::diabetes(f32);
    const data::Standardize x(table.examples);
    const data::Standardize y(table.examples, {.per = data::Statistics::array, .array = 1});
    return data::Dataset{x.apply(table.features()), y.apply(table.target())};
  }();
  const auto [train, test] = divide(all, run, options);
  const auto model = make_network(10, 1, hidden, options);
  run.initialize(model);
  const Loss loss = [](const Tensor& p, const Tensor& y) { return nn::mse_loss(squeeze(p, 1), y); };
  train_network(model, train, loss, run, options.epochs);
  const NoGrad guard;
  return loss(model(test.array(0)), test.array(1)).item();
}

}  // namespace newtape::inspect::detail
