// SPDX-License-Identifier: BSD-3-Clause
// Does batch normalisation help? Ten pairs of trainings with common random numbers, and a verdict.
#include <newtape/newtape.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;

/// Four hidden layers of tanh, with or without batch normalisation.
nn::Sequential network(bool norm) {
  nn::Sequential model(nn::Flatten(), nn::Linear(64, 32));
  for (int i = 0; i < 4; ++i) {
    if (norm) model.push_back(nn::BatchNorm1d(32));
    model.push_back(nn::Tanh());
    model.push_back(nn::Linear(32, i < 3 ? 32 : 10));
  }
  return model;
}

/// The accuracy on digits that were not trained on.
double train(const inspect::Run& run, bool norm) {
  auto split = run.generator(inspect::Source::split);
  const auto sets = nt::data::digits().train.split({600, -1}, split);
  const auto model = network(norm);
  run.initialize(model);
  nt::optim::SGD optimizer(model.parameters(), {.lr = 0.05, .momentum = 0.9});
  nt::data::Loader loader(sets[0], run.loader({.batch_size = 50}));
  for (int epoch = 0; epoch < 10; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      nn::cross_entropy(model(x), y).backward();
      optimizer.step();
    }
  }
  model.eval();
  const nt::NoGrad off;
  const auto& [x, y] = sets[1].arrays();
  return nt::mean((nt::argmax(model(x), 1) == y).to(nt::f64)).item();
}

int main() {
  const auto without = [](const inspect::Run& run) { return train(run, false); };
  const auto with = [](const inspect::Run& run) { return train(run, true); };
  const auto effect =
      inspect::measure_effect(without, with, {.runs = 10, .metric = "accuracy", .technique = "batch norm"});
  fmt::print("{}\n", effect);

  // The same network against itself, with other random numbers: nothing to find.
  const auto other = [](const inspect::Run& run) { return train(inspect::Run(99, run.index()), false); };
  const auto nothing =
      inspect::measure_effect(without, other, {.runs = 10, .metric = "accuracy", .technique = "luck", .quiet = true});
  fmt::print("{}\n", inspect::summary(nothing));
  return effect.verdict == inspect::Verdict::helps ? 0 : 1;
}
