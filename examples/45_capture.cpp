// SPDX-License-Identifier: BSD-3-Clause
// A training step of a small network, recorded once and replayed: the same bits in a part of the time.
#include <newtape/newtape.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace nt = newtape;

struct Run {
  double microseconds = 1e9;  ///< of one step, the least of several epochs
  nt::Tensor loss, weight;
};

Run train(bool captured) {
  nt::manual_seed(1);
  const nt::nn::Sequential model(nt::nn::Linear(4, 8), nt::nn::Tanh(), nt::nn::Linear(8, 1));
  nt::optim::Adam adam(model.parameters(), {.lr = 0.01});
  const nt::Tensor x = nt::random::normal({16, 4});
  const nt::Tensor y = nt::sin(nt::sum(x, 1, true));

  const auto plain = [&](const nt::Tensor& input, const nt::Tensor& target) {
    adam.zero_grad();
    const nt::Tensor loss = nt::nn::mse_loss(model(input), target);
    loss.backward();
    adam.step();
    return loss;
  };
  auto step = nt::capture(plain);

  Run run;
  for (int epoch = 0; epoch < 20; ++epoch) {
    adam.set_lr(0.01 * std::pow(0.9, epoch));  // numbers of the optimizer are read at each replay
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) run.loss = captured ? step(x, y) : plain(x, y).detach();
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    run.microseconds = std::min(run.microseconds, time.count() / 200);
  }
  run.weight = model.parameters()[0].detach();
  if (captured) {
    fmt::print("{}", step.plan());
    const std::string picture = step.plan_to_dot();  // for Graphviz: dot -Tsvg
    fmt::print("as a picture: {} lines\n", std::count(picture.begin(), picture.end(), '\n'));
  }
  return run;
}

int main() {
  const Run plain = train(false);
  const Run captured = train(true);
  fmt::print("step by step: loss {:.6f}, {:.1f} us a step\n", plain.loss.item(), plain.microseconds);
  fmt::print("captured:     loss {:.6f}, {:.1f} us a step\n", captured.loss.item(), captured.microseconds);

  const auto bytes = static_cast<std::size_t>(plain.weight.size()) * sizeof(float);
  const bool same = std::memcmp(plain.weight.value().raw(), captured.weight.value().raw(), bytes) == 0;
  fmt::print("the weights are {}\n", same ? "the same, bit for bit" : "different");
  return same ? 0 : 1;
}
