// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/pixel_shuffle.hpp>

#include <newtape/autograd/ops/shape.hpp>

#include <string>

namespace newtape {

namespace {

/// x [.., channels, h, w] as [rest, channels, h, w]. ShapeError unless the lengths are multiples.
struct Images {
  Shape lead;
  std::int64_t channels, height, width;

  Images(const char* op, const In& x, std::int64_t of_channels, std::int64_t of_pixels) {
    if (x.ndim() < 3) {
      raise<ShapeError>(std::string(op) + ": images are required", "x [.., c, h, w]", to_string(x.shape()));
    }
    lead = Shape(x.shape().begin(), x.shape().end() - 3);
    channels = x.tensor().shape(-3);
    height = x.tensor().shape(-2);
    width = x.tensor().shape(-1);
    if (channels % of_channels != 0 || height % of_pixels != 0 || width % of_pixels != 0) {
      raise<ShapeError>(std::string(op) + ": the factor must divide the lengths",
                        "a multiple of " + std::to_string(of_channels) + " channels and of " +
                            std::to_string(of_pixels) + " rows and columns",
                        to_string(x.shape()));
    }
  }
  Shape of(std::int64_t c, std::int64_t h, std::int64_t w) const {
    Shape shape = lead;
    for (const auto n : {c, h, w}) shape.push_back(n);
    return shape;
  }
};

void expect_factor(const char* op, std::int64_t factor) {
  if (factor < 1)
    raise<ValueError>(std::string(op) + ": the factor must be positive", "at least 1", std::to_string(factor));
}

}  // namespace

Tensor pixel_shuffle(In x, std::int64_t factor) {
  const CallSite here(x.location());
  expect_factor("pixel_shuffle", factor);
  const Images s("pixel_shuffle", x, factor * factor, 1);
  const auto n = element_count(s.lead), c = s.channels / (factor * factor);
  const Tensor parts = permute(reshape(x, {n, c, factor, factor, s.height, s.width}), {0, 1, 4, 2, 5, 3});
  return reshape(parts, s.of(c, s.height * factor, s.width * factor));
}

Tensor pixel_unshuffle(In x, std::int64_t factor) {
  const CallSite here(x.location());
  expect_factor("pixel_unshuffle", factor);
  const Images s("pixel_unshuffle", x, 1, factor);
  const auto n = element_count(s.lead), h = s.height / factor, w = s.width / factor;
  const Tensor parts = permute(reshape(x, {n, s.channels, h, factor, w, factor}), {0, 1, 3, 5, 2, 4});
  return reshape(parts, s.of(s.channels * factor * factor, h, w));
}

}  // namespace newtape
