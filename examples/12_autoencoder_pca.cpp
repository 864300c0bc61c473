// SPDX-License-Identifier: BSD-3-Clause
// Digits compressed to eight numbers: an autoencoder against PCA, the optimal linear one.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

int main(int argc, char** argv) {
  int epochs = 150;
  std::int64_t code = 8;
  CLI::App app{"An autoencoder of digits, against PCA."};
  app.add_option("--epochs", epochs, "passes over the training set")->capture_default_str();
  app.add_option("--code", code, "size of the code")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  nt::manual_seed(0);
  const auto [train, test] = nt::data::digits();
  const nt::Tensor fitted = nt::reshape(train.array("images"), {-1, 64});
  const nt::Tensor unseen = nt::reshape(test.array("images"), {-1, 64});

  const auto pca = nt::models::pca(fitted, {.n_components = code});
  const nn::Sequential encoder(nn::Linear(64, 128), nn::GELU(), nn::Linear(128, code));
  const nn::Sequential decoder(nn::Linear(code, 128), nn::GELU(), nn::Linear(128, 64));
  const nn::Sequential model(encoder, decoder);

  nt::optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
  nt::data::Loader loader(nt::data::Dataset{fitted.value()}, {.batch_size = 50, .shuffle = true});
  for (int epoch = 0; epoch < epochs; ++epoch) {
    optimizer.set_lr(3e-3 * 0.5 * (1 + std::cos(3.14159265 * epoch / epochs)));
    for (const auto& batch : loader) {
      optimizer.zero_grad();
      nn::mse_loss(model(batch[0]), batch[0]).backward();
      optimizer.step();
    }
  }

  const nt::NoGrad off;
  const nt::Tensor by_pca = pca.reconstruct(unseen);
  const nt::Tensor by_model = model(unseen);
  std::vector<nt::Array> pictures;
  std::vector<std::string> captions;
  for (const std::int64_t i : {0, 11, 25}) {
    const auto add = [&](const nt::Tensor& x, const char* caption) {
      pictures.push_back(nt::reshape(nt::clip(x[i], 0, 1), {8, 8}).value());
      captions.emplace_back(caption);
    };
    add(unseen, "digit");
    add(by_pca, "PCA");
    add(by_model, "autoenc.");
  }
  fmt::print("{}\n", nt::inspect::draw_images(pictures, captions, {.columns = 8}));

  // Relative to the variance of the test images about the training mean.
  const double variance = nn::mse_loss(nt::expand(pca.mean, unseen.shape()), unseen).item();
  const double linear_error = nn::mse_loss(by_pca, unseen).item() / variance;
  const double error = nn::mse_loss(by_model, unseen).item() / variance;
  fmt::print("reconstruction error with {} numbers, on {} test digits: PCA {:.1f} %, autoencoder {:.1f} %\n", code,
             unseen.shape(0), 100 * linear_error, 100 * error);
  return error < linear_error ? 0 : 1;
}
