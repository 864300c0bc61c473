// Trains a network with the operation of bend.hpp on the digits that come with Newtape: train [epochs].
#include "bend.hpp"

#include <cstdlib>

namespace nt = newtape;
namespace nn = nt::nn;

int main(int argc, char** argv) {
  const int epochs = argc > 1 ? std::atoi(argv[1]) : 20;
  const auto [train, test] = nt::data::digits();  // images [n, 8, 8] in [0, 1], labels [n]
  const nn::Sequential model(
      nn::Flatten(), nn::Linear(64, 32), [](const nt::Tensor& x) { return bend(x); }, nn::Linear(32, 10));
  nt::optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
  nt::data::Loader loader(train, {.batch_size = 32, .shuffle = true});
  const auto& [images, labels] = test.arrays();
  double accuracy = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      nn::cross_entropy(model(x), y).backward();
      optimizer.step();
    }
    accuracy = nt::mean((nt::argmax(model(images), 1) == labels).to(nt::f32)).item();
    fmt::print("epoch {:2}: test accuracy {:.3f}\n", epoch, accuracy);
  }
  return accuracy > 0.85 ? 0 : 1;
}
