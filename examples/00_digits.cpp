// SPDX-License-Identifier: BSD-3-Clause
// The smallest training script: handwritten digits, by a network of one hidden layer.
#include <newtape/newtape.hpp>
namespace nt = newtape;
namespace nn = nt::nn;

int main() {
  const auto [train, test] = nt::data::digits();  // images [n, 8, 8] in [0, 1], labels [n]
  const nn::Sequential model(nn::Flatten(), nn::Linear(64, 32), nn::ReLU(), nn::Linear(32, 10));
  nt::optim::Adam optimizer(model.parameters(), {.lr = 1e-2});
  nt::data::Loader loader(train, {.batch_size = 64, .shuffle = true});
  for (int epoch = 0; epoch < 20; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      nn::cross_entropy(model(x), y).backward();
      optimizer.step();
    }
  }
  const auto& [x, y] = test.arrays();
  const double accuracy = nt::mean((nt::argmax(model(x), 1) == y).to(nt::f32)).item();
  fmt::print("test accuracy {:.3f}\n", accuracy);
  return accuracy > 0.85 ? 0 : 1;
}
