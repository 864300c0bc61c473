// SPDX-License-Identifier: BSD-3-Clause
// Trains a small convolutional network on Fashion-MNIST (or, where that is not installed, on handwritten digits), with
// random shifts, and random flips of clothes.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace data = nt::data;

int main(int argc, char** argv) {
  int epochs = 12;
  std::int64_t examples = 60000;
  double lr = 2e-3;
  double wanted = 91;
  bool digits = false;
  CLI::App app{"Trains a convolutional network on small grey images."};
  app.add_option("--epochs", epochs, "passes over the training set")->capture_default_str();
  app.add_option("--examples", examples, "number of training images to use")->capture_default_str();
  app.add_option("--lr", lr, "maximum learning rate")->capture_default_str();
  app.add_option("--wanted", wanted, "fails below this accuracy in per cent")->capture_default_str();
  app.add_flag("--digits", digits, "train on the handwritten digits that come with Newtape");
  CLI11_PARSE(app, argc, argv);

  data::TrainTest set;
  bool clothes = !digits;
  if (clothes) {
    try {
      set = data::fashion_mnist();
    } catch (const nt::IoError& e) {
      fmt::print("{}\n\nContinuing with the handwritten digits.\n", e.what());
      clothes = false;
    }
  }
  if (!clothes) set = data::digits();
  const std::int64_t side = set.train.array("images").shape(1);

  nt::manual_seed(1);
  const nn::Sequential model([](const nt::Tensor& x) { return nt::unsqueeze(x, 1); },  // [n, side, side]: one channel
                             nn::Conv2d(1, 32, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                             nn::Conv2d(32, 64, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                             nn::Linear(side * side * 4, 128), nn::ReLU(), nn::Dropout(0.3), nn::Linear(128, 10));

  // Standardised by the mean and standard deviation of the training images, test images too.
  const data::Dataset part = set.train[{0, examples}];
  const data::Standardize standardize(part, {.per = data::Statistics::array});
  data::Dataset train = part.map(data::compose({data::random_crop(side, side, {.padding = 1}), standardize}));
  if (clothes) train = train.map(data::random_horizontal_flip());
  data::Loader loader(train, {.batch_size = 128, .shuffle = true, .seed = 1, .drop_last = true});

  nt::optim::AdamW optimizer(model.parameters(), {.lr = lr});
  nt::optim::Scheduler scheduler(optimizer, nt::optim::cosine_annealing_lr({.t_max = epochs * loader.size()}));
  double seconds = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    nt::inspect::Progress progress(fmt::format("epoch {}/{}", epoch, epochs), train.size());
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      const nt::Tensor loss = nn::cross_entropy(model(x), y);
      loss.backward();
      optimizer.step();
      scheduler.step();
      progress.advance(x.shape(0), loss.item());
    }
    seconds += progress.seconds();
  }

  model.eval();
  const nt::NoGrad off;
  std::int64_t right = 0;
  for (auto& [x, y] : data::Loader(set.test.map(standardize), {.batch_size = 500})) {
    right += nt::core::sum(nt::core::equal(nt::argmax(model(x), 1).value(), y)).item<std::int64_t>();
  }
  const double accuracy = 100. * static_cast<double>(right) / static_cast<double>(set.test.size());
  fmt::print("{} epochs of {} images in {:.0f} s, test accuracy {:.2f} %\n", epochs, train.size(), seconds, accuracy);
  return accuracy >= wanted ? 0 : 1;
}
