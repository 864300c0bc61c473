// SPDX-License-Identifier: BSD-3-Clause
// Style by features: a texture is what the products of random filters' responses say on average (Gatys et al. 2015;
// Ustyuzhaninov et al. 2016, random filters of several sizes). Noise becomes leaves of a photograph by L-BFGS on the pixels,
// and is measured by what was not fitted: its spectrum and the distribution of its colours.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <cmath>

namespace nt = newtape;
using nt::Tensor;

/// Random filters: patterns of 5 x 5 pixels without their mean, and colours of single pixels against thresholds.
struct Filters {
  Tensor patterns = nt::randn({96, 3, 5, 5});
  Tensor colours = nt::pad(nt::randn({32, 3, 1, 1}), {{2, 2}, {2, 2}});
  Tensor weight = nt::concatenate({(patterns - nt::mean(patterns, {2, 3}, true)) / 5, colours}, 0);
  Tensor bias = nt::concatenate({nt::zeros({96}), nt::randn({32}) / 2}, 0);
};

/// The texture of image [1, 3, h, w]: Gram matrices of the filters' positive responses, per pixel, at four scales.
std::vector<Tensor> grams(const Tensor& image, const Filters& filters) {
  std::vector<Tensor> all;
  Tensor x = image;
  for (int scale = 0; scale < 4; ++scale) {
    const Tensor y = nt::reshape(nt::relu(nt::conv2d(x, filters.weight, filters.bias)), {filters.bias.size(), -1});
    all.push_back(nt::matmul(y, nt::swapaxes(y, 0, 1)) / y.shape(1));
    x = nt::avg_pool2d(x, 2);
  }
  return all;
}

/// Logarithms of the mean power in octaves of spatial frequency, of the brightness of image [1, 3, s, s].
Tensor spectrum(const Tensor& image) {
  const std::int64_t s = image.shape(3);
  const Tensor grey = nt::mean(image[0], 0),
               window = nt::unsqueeze(nt::fft::hann_window(s), 1) * nt::fft::hann_window(s);
  const Tensor power =
      nt::square(nt::fft::abs(nt::fft::fft2(nt::fft::complex((grey - nt::mean(grey)) * window, nt::zeros_like(grey)))));
  const Tensor f = nt::fft::fftfreq(s), radius = nt::hypot(nt::unsqueeze(f, 1), f);
  std::vector<Tensor> octaves;
  for (double high = 0.5; high > 0.05; high /= 2) {
    const Tensor in = ((radius >= high / 2) & (radius < high)).to(nt::f32);
    octaves.push_back(nt::log(nt::sum(power * in) / nt::sum(in)));
  }
  return nt::stack(octaves);
}

/// Quantiles of each colour: their mean difference is Wasserstein's distance.
Tensor colours(const Tensor& image) { return nt::quantile(nt::reshape(image, {3, -1}), nt::linspace(0, 1, 101), 1); }

int main(int argc, char** argv) {
  std::string picture = "examples/assets/china.jpg", output = "texture.png";
  std::int64_t iterations = 200, top = 320, left = 360, side = 96;
  std::uint64_t seed = 1;
  CLI::App app{"Synthesises a texture from a part of a photograph."};
  app.add_option("--picture", picture, "photograph")->capture_default_str();
  app.add_option("--top", top, "first row of the part")->capture_default_str();
  app.add_option("--left", left, "first column of the part")->capture_default_str();
  app.add_option("--iterations", iterations, "of L-BFGS")->capture_default_str();
  app.add_option("--seed", seed, "of filters and noise")->capture_default_str();
  app.add_option("--output", output, "PNG: the part, and the new texture")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const Tensor whole(nt::data::read_image(picture, {.mode = nt::data::ImageMode::rgb}));
  const auto part = [&](std::int64_t x) {
    return whole[{nt::newaxis, nt::ellipsis, nt::Slice(top, top + side), nt::Slice(x, x + side)}];
  };
  const Tensor original = part(left), neighbour = part(left + side);
  nt::manual_seed(seed);
  const Filters filters;
  const std::vector<Tensor> wanted = grams(original, filters);
  const auto loss = [&](const Tensor& image) {
    std::vector<Tensor> parts;
    const std::vector<Tensor> got = grams(image, filters);
    for (std::size_t i = 0; i < got.size(); ++i) {
      parts.push_back(nt::sum(nt::square(got[i] - wanted[i])) / nt::sum(nt::square(wanted[i])));
    }
    return nt::sum(nt::stack(parts));
  };

  // Normal noise of the colours' means and deviations; the search starts near the means.
  const Tensor mean = nt::mean(original, {2, 3}, true),
               normal = nt::randn(original.shape()) * nt::stddev(original, {2, 3}, 1, true);
  const Tensor noise = nt::clip(mean + normal, 0, 1), start = nt::clip(mean + 0.1 * normal, 0, 1);
  const auto result = nt::optim::minimize(loss, start,
                                          {.method = nt::optim::lbfgs(),
                                           .stop = {.gradient_tolerance = 1e-12, .max_iterations = iterations},
                                           .lower = {nt::tensor(0.f)},
                                           .upper = {nt::tensor(1.f)}});
  const Tensor texture = result.x();
  nt::data::write_png(output, nt::concatenate({original[0], texture[0]}, 2).value());

  fmt::print("{:>28} {:>10} {:>10} {:>10}\n", "distance from the original:", "Gram", "spectrum", "colours");
  double distances[3][3];
  const Tensor* images[] = {&noise, &neighbour, &texture};
  for (int i = 0; i < 3; ++i) {
    distances[i][0] = std::sqrt(loss(*images[i]).item());
    distances[i][1] = std::sqrt(nt::mean(nt::square(spectrum(*images[i]) - spectrum(original))).item());
    distances[i][2] = nt::mean(nt::abs(colours(*images[i]) - colours(original))).item();
    const char* const names[] = {"noise", "what is beside it", "the new texture"};
    fmt::print("{:>28} {:10.4f} {:10.4f} {:10.4f}\n", names[i], distances[i][0], distances[i][1], distances[i][2]);
  }
  fmt::print("{} iterations; {}\n", result.iterations, output);
  const double most[] = {0.1, 0.35, 0.5};  // of the noise's distance
  bool right = true;
  for (int j = 0; j < 3; ++j) right &= distances[2][j] < most[j] * distances[0][j];
  return right ? 0 : 1;
}
