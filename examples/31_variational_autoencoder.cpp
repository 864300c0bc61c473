// SPDX-License-Identifier: BSD-3-Clause
// A variational autoencoder of handwritten digits (Kingma & Welling 2014): the bound on the likelihood of digits not
// trained on, and digits that it draws.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

struct VAE : nn::Module<VAE> {
  /// Mean and logarithm of the variance of the code of x [n, 64], [n, 6] each.
  std::pair<nt::Tensor, nt::Tensor> encode(const nt::Tensor& x) const {
    const auto parts = nt::chunk(encoder(x), 2, 1);
    return {parts[0], parts[1]};
  }
  nt::Tensor forward(nt::In z) const { return decoder(std::move(z)); }  ///< logits of the pixels

  nn::Sequential encoder = add("encoder", nn::Sequential(nn::Linear(64, 128), nn::ReLU(), nn::Linear(128, 12)));
  nn::Sequential decoder = add("decoder", nn::Sequential(nn::Linear(6, 128), nn::ReLU(), nn::Linear(128, 64)));
};

/// The negative evidence lower bound in nats for each image: reconstruction, and divergence from the standard normal.
nt::Tensor negative_bound(const VAE& model, const nt::Tensor& x) {
  const auto [mean, log_var] = model.encode(x);
  const nt::Tensor z = mean + nt::exp(0.5 * log_var) * nt::randn_like(mean);
  const nt::Tensor divergence = 0.5 * nt::sum(nt::exp(log_var) + nt::square(mean) - 1 - log_var);
  const nt::Tensor pixels = nn::binary_cross_entropy_with_logits(model(z), x, {.reduction = nn::Reduction::sum});
  return (pixels + divergence) / x.shape(0);
}

int main() {
  nt::manual_seed(1);
  const auto [train, test] = nt::data::digits();
  const auto flat = [](const nt::Array& images) { return nt::reshape(nt::Tensor(images), {-1, 64}); };
  const VAE model;
  nt::optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
  nt::data::Loader loader(train, {.batch_size = 50, .shuffle = true});
  for (int epoch = 0; epoch < 60; ++epoch) {
    double sum = 0;
    for (auto& [images, labels] : loader) {
      sum += optimizer.step([&, &x = images] { return negative_bound(model, flat(x)); }).item();
    }
    if (epoch % 10 == 9) fmt::print("epoch {:2}: {:.2f} nats an image\n", epoch + 1, sum / 30);
  }

  const nt::NoGrad off;
  const nt::Tensor unseen = flat(test.array("images"));
  double bound = 0;
  for (int i = 0; i < 20; ++i) bound += negative_bound(model, unseen).item() / 20;
  // A model whose pixels are independent, each with its mean over the training set.
  const nt::Tensor p = nt::clip(nt::mean(flat(train.array("images")), 0), 1e-3, 1 - 1e-3);
  const double independent = -nt::mean(nt::sum(unseen * nt::log(p) + (1 - unseen) * nt::log(1 - p), 1)).item();

  std::vector<nt::Array> drawn;
  const nt::Tensor pictures = nt::reshape(nt::sigmoid(model(nt::randn({8, 6}))), {8, 8, 8});
  for (const auto& picture : nt::unstack(pictures)) drawn.push_back(picture.value());
  fmt::print("\ndrawn from random codes:\n{}\n", nt::inspect::draw_images(drawn, {}, {.columns = 8}));
  fmt::print("test digits: {:.2f} nats an image, with independent pixels {:.2f}\n", bound, independent);
  const double bits = (independent - bound) / std::log(2.0);
  fmt::print("The code saves {:.1f} bits an image, its own cost paid; which digit it is would be {:.1f} bits.\n", bits,
             std::log2(10.0));
  return bits > 3 ? 0 : 1;
}
