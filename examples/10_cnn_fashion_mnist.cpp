// SPDX-License-Identifier: BSD-3-Clause
// Trains a small convolutional network on Fashion-MNIST, its images shifted and mirrored at random.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace data = nt::data;

/// A convolution with 3x3 kernels that keeps the image's size, as a module of one's own.
struct Conv3x3 : nn::Module<Conv3x3> {
  Conv3x3(std::int64_t in, std::int64_t out)
      : weight(add("weight", nt::Parameter(nt::Array::empty({out, in, 3, 3}, nt::f32)))),
        bias(add("bias", nt::Parameter(nt::Array::empty({out}, nt::f32)))) {
    nn::init::kaiming_uniform(weight, {.nonlinearity = nn::init::Nonlinearity::relu});
    nn::init::zeros(bias);
  }
  nt::Tensor forward(nt::In x) const { return nt::conv2d(std::move(x), weight, bias, {.padding = 1}); }

  nt::Parameter weight, bias;
};

int main(int argc, char** argv) {
  int epochs = 6;
  std::int64_t examples = 60000;
  double lr = 2e-3;
  double wanted = 91;
  CLI::App app{"Trains a convolutional network on Fashion-MNIST."};
  app.add_option("--epochs", epochs, "passes over the training set")->capture_default_str();
  app.add_option("--examples", examples, "how many of the training images to use")->capture_default_str();
  app.add_option("--lr", lr, "the largest learning rate")->capture_default_str();
  app.add_option("--wanted", wanted, "the accuracy in per cent below which it fails")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  data::TrainTest set;
  try {
    set = data::fashion_mnist();
  } catch (const nt::IoError& e) {
    fmt::print("{}\n", e.what());
    return 0;  // nothing to train on
  }
  nt::manual_seed(1);
  const auto pool = [](const nt::Tensor& x) { return nt::max_pool2d(x, 2); };
  const nn::Sequential model([](const nt::Tensor& x) { return nt::unsqueeze(x, 1); },  // [n, 28, 28] -> [n, 1, 28, 28]
                             Conv3x3(1, 32), nn::ReLU(), pool, Conv3x3(32, 64), nn::ReLU(), pool, nn::Flatten(),
                             nn::Linear(64 * 7 * 7, 128), nn::ReLU(), nn::Dropout(0.3), nn::Linear(128, 10));

  // Mean and deviation are those of the training images; the test images are measured by them too.
  const data::Dataset part = set.train[{0, examples}];
  const data::Standardize standardize(part, {.per = data::Statistics::array});
  const data::Dataset train =
      part.map(data::compose({data::random_horizontal_flip(), data::random_crop(28, 28, {.padding = 1}), standardize}));
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
