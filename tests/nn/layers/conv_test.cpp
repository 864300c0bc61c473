// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/pooling.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/module/summary.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("initial values of convolutions fill PyTorch's bounds") {
  nt::manual_seed(1);
  const auto fills = [](const nt::Parameter& p, double bound) {
    CHECK(nt::max(nt::abs(p)).item() <= bound);
    CHECK(nt::max(nt::abs(p)).item() > 0.9 * bound);
  };
  const nn::Conv2d conv(16, 64, 3, {.groups = 2});
  CHECK(conv.weight.shape() == nt::Shape{64, 8, 3, 3});
  fills(conv.weight, 1 / std::sqrt(8 * 9.0));
  fills(conv.bias, 1 / std::sqrt(8 * 9.0));
  const nn::ConvTranspose2d back(64, 32, {3, 2});
  CHECK(back.weight.shape() == nt::Shape{64, 32, 3, 2});
  fills(back.weight, 1 / std::sqrt(32 * 6.0));
}

TEST_CASE("convolutions reject invalid options, and errors for mismatched images name the layer") {
  CHECK_THROWS_AS(nn::Conv2d(0, 2, 3), nt::ValueError);
  CHECK_THROWS_WITH(nn::Conv2d(4, 6, 3, {.groups = 4}), contains("Conv2d: the channels") && contains("4, 6 in 4"));
  CHECK_THROWS_WITH(nn::Conv2d(4, 6, 0), contains("Conv2d: invalid kernel_size"));
  CHECK_THROWS_AS(nn::Conv2d(4, 6, {1, 2, 3}), nt::ValueError);
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.stride = 0}), contains("Conv1d: invalid stride"));
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.stride = 2, .padding = nt::Padding::same}), contains("stride 1"));
  CHECK_THROWS_WITH(nn::ConvTranspose1d(4, 6, 3, {.padding = -1}), contains("ConvTranspose1d: invalid padding"));
  CHECK_THROWS_AS(nn::Conv1d(1, 1, 1, {.dtype = nt::i64}), nt::DTypeError);

  const nn::Sequential model(
      nn::ReLU(), nn::Sequential(nn::Conv2d(3, 4, 3, {.padding = 1, .padding_mode = nt::PaddingMode::reflect})));
  CHECK_THROWS_WITH(model(nt::ones({2, 5, 8, 8})),
                    contains("1.0: Conv2d: x must have 3 channels") && contains("x [2, 5, 8, 8]"));
  CHECK_THROWS_AS(model(nt::ones({2, 5, 8, 8})), nt::ShapeError);
  CHECK_THROWS_AS(model(nt::ones({8})), nt::ShapeError);
  CHECK_THROWS_WITH(nn::Conv2d(3, 4, 3)(nt::ones({3, 2, 8})), contains("conv2d: the kernel must fit"));
  CHECK_THROWS_WITH(nn::ConvTranspose1d(3, 4, 3)(nt::ones({2, 8})),
                    contains("ConvTranspose1d: x must have 3 channels"));
}

TEST_CASE("a convolution keeps the options that it was given, and pads with x repeated") {
  const nn::Conv1d conv(1, 1, 2, {.padding = 1, .bias = false, .padding_mode = nt::PaddingMode::circular});
  CHECK(conv.options.padding_mode == nt::PaddingMode::circular);
  CHECK(conv.options.padding.lengths().over("", "", 1, 0) == nt::Dims{1});
  conv.weight.set_value(nt::ones({1, 1, 2}).value());
  CHECK(identical(conv(nt::tensor({{1.0, 2, 4}})).value(), nt::tensor({{5.0, 3, 6, 5}}).value()));
}

TEST_CASE("summary counts the multiply-adds of convolutions") {
  const nn::Sequential model(nn::Conv2d(3, 8, 3, {.padding = 1}), nn::MaxPool2d(2), nn::Conv2d(8, 4, 5, {.groups = 4}),
                             nn::ConvTranspose2d(4, 2, 3, {.stride = 2}));
  const auto s = nn::summary(model, {2, 3, 16, 16});
  CHECK(s.layers[1].multiply_adds == 2 * 8 * 16 * 16 * 3 * 9);
  CHECK(s.layers[2].multiply_adds == 0);
  CHECK(s.layers[3].multiply_adds == 2 * 4 * 4 * 4 * 2 * 25);
  CHECK(s.layers[4].multiply_adds == 2 * 4 * 4 * 4 * 2 * 9);  // input elements * outputs * kernel
}
