// SPDX-License-Identifier: BSD-3-Clause
// Trains a classifier of handwritten digits on any number of processes, to the same bits: `41_data_parallel`, or
// `mpirun -n 2 41_data_parallel`. The lines marked (1) to (3) are all that differ from a program for one process.
#include <newtape/mpi.hpp>
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace data = nt::data;

int main(int argc, char** argv) {
  int epochs = 10;
  double wanted = 90;
  CLI::App app{"Trains a classifier of digits on the processes that mpirun starts."};
  app.add_option("--epochs", epochs, "passes over the training set")->capture_default_str();
  app.add_option("--wanted", wanted, "fails below this accuracy in per cent")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  nt::manual_seed(1);
  const data::TrainTest set = data::digits();
  const std::int64_t pixels = set.train.array(0).shape(1) * set.train.array(0).shape(2);
  const nn::Sequential model(nn::Flatten(), nn::Linear(pixels, 128), nn::ReLU(), nn::Linear(128, 10));
  nt::optim::Adam optimizer(model.parameters(), {.lr = 2e-3});
  data::Loader loader(set.train, {.batch_size = 96, .shuffle = true, .seed = 1});

  nt::mpi::DataParallel parallel(model);    // (1)
  const bool shows = parallel.rank() == 0;  // (2)
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double total = 0;
    for (auto& batch : loader) {
      total += parallel  // (3)
                   .step(optimizer, batch,
                         [&](const nt::Tensor& x, const nt::Tensor& y) { return nn::cross_entropy(model(x), y); })
                   .item();
    }
    if (shows) fmt::print("epoch {:2}: loss {:.17g}\n", epoch, total / static_cast<double>(loader.size()));
  }

  model.eval();
  const nt::NoGrad off;
  const auto& [images, labels] = set.test.arrays();
  const double right = nt::core::sum(nt::core::equal(nt::argmax(model(images), 1).value(), labels)).item();
  const double accuracy = 100 * right / static_cast<double>(set.test.size());
  if (shows) fmt::print("{} ranks, test accuracy {:.2f} %\n", parallel.group().size(), accuracy);
  return accuracy >= wanted ? 0 : 1;
}
