// SPDX-License-Identifier: BSD-3-Clause
// A convolutional network for colour images: twice the resolution (Shi et al. 2016), learnt from the left half of a photograph
// and judged on the right half, beside bicubic interpolation. Or on CIFAR-10, given its folder.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;
using nt::Tensor;

Tensor half(const Tensor& images) {  // [n, 3, h, w] -> [n, 3, h / 2, w / 2]
  return nt::interpolate(images, {.scale_factor = {0.5}, .mode = nt::InterpolateMode::bicubic, .antialias = true});
}
Tensor bicubic(const Tensor& small) {
  return nt::interpolate(small, {.scale_factor = {2}, .mode = nt::InterpolateMode::bicubic});
}
double psnr(const Tensor& a, const Tensor& b) { return -10 * std::log10(nn::mse_loss(a, b).item()); }  // in dB

/// Bicubic interpolation, and what is missing from it: four channels for each colour, which become 2 x 2 pixels.
struct Upscaler : nn::Module<Upscaler> {
  Tensor forward(nt::In small) const { return bicubic(small) + nt::pixel_shuffle(details(small - 0.5), 2); }

  static nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t size) {
    return {in, out, size, {.padding = nt::Padding::same, .padding_mode = nt::PaddingMode::replicate}};
  }
  nn::Sequential details =
      add("details", nn::Sequential(conv(3, 32, 5), nn::ReLU(), conv(32, 32, 3), nn::ReLU(), conv(32, 12, 3)));
};

int main(int argc, char** argv) {
  std::string picture = "examples/assets/china.jpg", cifar, output = "super_resolution.png";
  int steps = 2000;
  double lr = 2e-3;
  std::uint64_t seed = 1;
  CLI::App app{"Learns to double the resolution of colour images."};
  app.add_option("--picture", picture, "photograph, whose left half is learnt")->capture_default_str();
  app.add_option("--cifar10", cifar, "folder of CIFAR-10's binary version: its images instead");
  app.add_option("--steps", steps, "training steps, each on 6 crops")->capture_default_str();
  app.add_option("--lr", lr, "maximum learning rate")->capture_default_str();
  app.add_option("--seed", seed, "of initial weights and crops")->capture_default_str();
  app.add_option("--output", output, "PNG: bicubic interpolation, the network's result, the truth")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Tensor learnt, unseen;  // [n, 3, h, w] in [0, 1]
  if (cifar.empty()) {
    // The mean of 2 x 2 pixels, without the traces of JPEG's compression.
    const Tensor whole = nt::avg_pool2d(Tensor(nt::data::read_image(picture, {.mode = nt::data::ImageMode::rgb})), 2);
    const std::int64_t h = whole.shape(1) / 2 * 2, w = whole.shape(2) / 4 * 2;
    learnt = whole[{nt::newaxis, nt::ellipsis, nt::Slice(0, h), nt::Slice(0, w)}];
    unseen = whole[{nt::newaxis, nt::ellipsis, nt::Slice(0, h), nt::Slice(w, 2 * w)}];
  } else {
    const auto set = nt::data::cifar10(cifar);
    learnt = Tensor(set.train[{0, 10000}].array("images")).to(nt::f32) / 255;
    unseen = Tensor(set.test[{0, 1000}].array("images")).to(nt::f32) / 255;
  }

  nt::manual_seed(seed);
  const Upscaler model;
  nt::optim::Adam optimizer(model.parameters(), {.lr = lr});
  nt::optim::Scheduler scheduler(optimizer, nt::optim::cosine_annealing_lr({.t_max = steps}));
  const std::int64_t side = std::min<std::int64_t>(64, learnt.shape(2));
  const auto crop = [&] {  // [1, 3, side, side]
    const auto at = [](std::int64_t count) { return nt::random::integers({}, 0, count).item<std::int64_t>(); };
    const std::int64_t y = at(learnt.shape(2) - side + 1), x = at(learnt.shape(3) - side + 1), i = at(learnt.shape(0));
    const Tensor straight = learnt[{nt::Slice(i, i + 1), nt::Slice(), nt::Slice(y, y + side), nt::Slice(x, x + side)}];
    const Tensor mirrored = at(2) == 0 ? straight : nt::flip(straight, 3);
    return at(2) == 0 ? mirrored : nt::swapaxes(mirrored, 2, 3);
  };
  for (int step = 1; step <= steps; ++step) {
    std::vector<Tensor> crops;
    for (int i = 0; i < 6; ++i) crops.push_back(crop());
    const Tensor large = nt::concatenate(crops, 0);
    const double loss = optimizer.step([&] { return nn::mse_loss(model(half(large)), large); }).item();
    scheduler.step();
    if (step % (steps / 10) == 0) fmt::print("step {:4}: {:.2f} dB\n", step, -10 * std::log10(loss));
  }

  const nt::NoGrad off;
  const Tensor small = half(unseen), guess = model(small);
  const double by_bicubic = psnr(bicubic(small), unseen), by_model = psnr(guess, unseen);
  nt::data::write_png(output, nt::concatenate({bicubic(small)[0], guess[0], unseen[0]}, 2).value());
  fmt::print("not seen before: bicubic {:.2f} dB, network {:.2f} dB; {}\n", by_bicubic, by_model, output);
  return by_model > by_bicubic + 0.15 ? 0 : 1;
}
