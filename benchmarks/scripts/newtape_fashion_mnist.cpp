// SPDX-License-Identifier: BSD-3-Clause
// Trains a small network to tell pieces of clothing apart: the twin of torch_fashion_mnist.cpp.
#include <newtape/newtape.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace nt = newtape;
namespace nn = nt::nn;

nt::data::Dataset read(const std::string& stem) {
  const nt::data::Dataset bytes{nt::data::read_idx(stem + "-images-idx3-ubyte.gz"),
                                nt::data::read_idx(stem + "-labels-idx1-ubyte.gz")};
  return bytes.map(nt::data::to_float());
}

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  const char* limit = std::getenv("NEWTAPE_BENCH_STEPS");  // for measurements: end after so many steps
  const int last_step = limit != nullptr ? std::atoi(limit) : 0;
  nt::manual_seed(1);

  nt::data::Loader loader(read(folder + "/train"), {.batch_size = 128, .shuffle = true});
  const nn::Sequential model(nn::Flatten(), nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 128), nn::ReLU(),
                             nn::Linear(128, 10));
  nt::optim::Adam adam(model.parameters(), {.lr = 1e-3});

  int step = 0;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    for (auto& [images, labels] : loader) {
      adam.zero_grad();
      const auto loss = nn::cross_entropy(model(images), labels);
      loss.backward();
      adam.step();
      if (step++ % 100 == 0) {
        std::printf("step %d: loss %.4f\n", step, loss.item());
        std::fflush(stdout);
      }
      if (step == last_step) return 0;
    }
  }

  const nt::NoGrad no_grad;
  model.eval();
  const auto test = read(folder + "/t10k");
  const auto& [images, labels] = test.all();
  const auto right = nt::mean((nt::argmax(model(images), 1) == labels).to(nt::f32));
  std::printf("right: %.2f%% of %ld\n", 100 * right.item(), static_cast<long>(test.size()));
}
