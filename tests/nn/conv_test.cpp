// SPDX-License-Identifier: BSD-3-Clause
#include "../catch.hpp"
#include "derivatives.hpp"
#include "torch_case.hpp"

#include <newtape/nn/nn.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

const Reference& torch() {
  static const Reference reference("nn/conv.txt");
  return reference;
}

template <class M>
void check(const std::string& name, const M& module) {
  check_module(torch(), name, [&] { return module; });
}

}  // namespace

TEST_CASE("convolutions agree with PyTorch") {
  check("conv1d", nn::Conv1d(4, 3, 3));
  check("conv1d/same", nn::Conv1d(4, 2, 4, {.padding = "same", .dilation = 2}));
  check("conv1d/reflect", nn::Conv1d(4, 2, 3, {.padding = 2, .padding_mode = "reflect"}));
  check("conv1d/replicate", nn::Conv1d(4, 2, 2, {.padding = "same", .padding_mode = "replicate"}));
  check("conv1d/unbatched", nn::Conv1d(4, 3, 3, {.padding = 1}));
  check("conv2d", nn::Conv2d(4, 3, {3, 2}, {.stride = {2, 1}, .padding = {1, 0}}));
  check("conv2d/plain", nn::Conv2d(4, 6, 3, {.groups = 2, .bias = false}));
  check("conv2d/valid", nn::Conv2d(4, 2, 2, {.padding = "valid", .dilation = {1, 2}}));
  check("conv2d/circular", nn::Conv2d(4, 4, 3, {.padding = {1, 2}, .groups = 4, .padding_mode = "circular"}));
  check("conv3d", nn::Conv3d(2, 2, 2, {.stride = 2, .padding = 1}));
}

TEST_CASE("transposed convolutions agree with PyTorch") {
  check("conv_transpose1d", nn::ConvTranspose1d(4, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}));
  check("conv_transpose2d", nn::ConvTranspose2d(4, 2, {2, 3}, {.stride = {1, 2}, .groups = 2, .dilation = 2}));
  check("conv_transpose2d/plain", nn::ConvTranspose2d(4, 3, 2, {.bias = false}));
  check("conv_transpose3d", nn::ConvTranspose3d(2, 2, 2));
}

TEST_CASE("convolutions differentiate to order two") {
  check_derivatives(nn::Conv1d(2, 3, 3, {.padding = 1}), {2, 2, 4});
  check_derivatives(nn::Conv2d(2, 2, {2, 3}, {.stride = {1, 2}, .padding = 1, .padding_mode = "circular"}),
                    {1, 2, 3, 4});
  check_derivatives(nn::Conv3d(1, 2, 2, {.bias = false}), {1, 1, 2, 3, 2});
  check_derivatives(nn::ConvTranspose1d(2, 2, 3, {.stride = 2, .output_padding = 1}), {2, 2, 3});
  check_derivatives(nn::ConvTranspose2d(2, 4, 2, {.groups = 2}), {1, 2, 2, 3});
  check_derivatives(nn::ConvTranspose3d(1, 1, 2, {.bias = false}), {1, 1, 1, 2, 2});
}

TEST_CASE("convolutions start within PyTorch's bounds and fill them") {
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

TEST_CASE("a convolution of no images is of no images") {
  CHECK(nn::Conv2d(3, 5, 3)(nt::ones({0, 3, 8, 8})).shape() == nt::Shape{0, 5, 6, 6});
  CHECK(nn::Conv1d(3, 5, 3, {.padding = 1, .padding_mode = "reflect"})(nt::ones({0, 3, 8})).shape() ==
        nt::Shape{0, 5, 8});
  CHECK(nn::ConvTranspose1d(3, 5, 3)(nt::ones({0, 3, 8})).shape() == nt::Shape{0, 5, 10});
}

TEST_CASE("convolutions refuse what makes no layer, and name the layer when an image does not fit") {
  CHECK_THROWS_AS(nn::Conv2d(0, 2, 3), nt::ValueError);
  CHECK_THROWS_WITH(nn::Conv2d(4, 6, 3, {.groups = 4}), contains("Conv2d: the channels") && contains("4, 6 in 4"));
  CHECK_THROWS_WITH(nn::Conv2d(4, 6, 0), contains("Conv2d: no such kernel_size"));
  CHECK_THROWS_AS(nn::Conv2d(4, 6, {1, 2, 3}), nt::ValueError);
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.stride = 0}), contains("Conv1d: no such stride"));
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.stride = 2, .padding = "same"}), contains("stride 1"));
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.padding = "some"}), contains("no such padding"));
  CHECK_THROWS_WITH(nn::Conv1d(4, 6, 3, {.padding_mode = "mirror"}), contains("padding_mode") && contains("mirror"));
  CHECK_THROWS_WITH(nn::ConvTranspose1d(4, 6, 3, {.padding = -1}), contains("ConvTranspose1d: no such padding"));
  CHECK_THROWS_AS(nn::Conv1d(1, 1, 1, {.dtype = nt::i64}), nt::DTypeError);

  const nn::Sequential model(nn::ReLU(),
                             nn::Sequential(nn::Conv2d(3, 4, 3, {.padding = 1, .padding_mode = "reflect"})));
  CHECK_THROWS_WITH(model(nt::ones({2, 5, 8, 8})),
                    contains("1.0: Conv2d: there must be 3 channels") && contains("x [2, 5, 8, 8]"));
  CHECK_THROWS_AS(model(nt::ones({2, 5, 8, 8})), nt::ShapeError);
  CHECK_THROWS_AS(model(nt::ones({8})), nt::ShapeError);
  CHECK_THROWS_WITH(nn::Conv2d(3, 4, 3)(nt::ones({3, 2, 8})), contains("conv2d: the kernel does not fit"));
  CHECK_THROWS_WITH(nn::ConvTranspose1d(3, 4, 3)(nt::ones({2, 8})),
                    contains("ConvTranspose1d: there must be 3 channels"));
}

TEST_CASE("the words of a convolution's options need not live as long as it") {
  nn::Conv1d conv = [] {
    const std::string mode = "circular";
    return nn::Conv1d(1, 1, 2, {.padding = 1, .bias = false, .padding_mode = mode});
  }();
  conv.weight.set_value(nt::ones({1, 1, 2}).value());
  CHECK(identical(conv(nt::tensor({{1, 2, 4}})).value(), nt::tensor({{5, 3, 6, 5}}).value()));
}

TEST_CASE("summary counts the multiply-adds of convolutions") {
  const nn::Sequential model(nn::Conv2d(3, 8, 3, {.padding = 1}), nn::MaxPool2d(2), nn::Conv2d(8, 4, 5, {.groups = 4}),
                             nn::ConvTranspose2d(4, 2, 3, {.stride = 2}));
  const auto s = nn::summary(model, {2, 3, 16, 16});
  CHECK(s.layers[1].multiply_adds == 2 * 8 * 16 * 16 * 3 * 9);
  CHECK(s.layers[2].multiply_adds == 0);
  CHECK(s.layers[3].multiply_adds == 2 * 4 * 4 * 4 * 2 * 25);
  CHECK(s.layers[4].multiply_adds == 2 * 4 * 4 * 4 * 2 * 9);  // each input reaches so many outputs
}

TEST_CASE("pooling agrees with PyTorch") {
  check("max_pool1d", nn::MaxPool1d(3, {.stride = 2, .padding = 1}));
  check("max_pool2d", nn::MaxPool2d(2));
  check("max_pool2d/ceil", nn::MaxPool2d({3, 2}, {.stride = 2, .dilation = {1, 2}, .ceil_mode = true}));
  check("max_pool3d", nn::MaxPool3d(2));
  check("avg_pool1d", nn::AvgPool1d(3, {.stride = 2, .padding = 1}));
  check("avg_pool2d", nn::AvgPool2d({2, 3}, {.padding = 1, .count_include_pad = false}));
  check("avg_pool3d", nn::AvgPool3d(2, {.divisor_override = 3}));
  check("lp_pool1d", nn::LPPool1d(2, 3));
  check("lp_pool2d", nn::LPPool2d(3, 2));
  check("adaptive_avg_pool1d", nn::AdaptiveAvgPool1d(3));
  check("adaptive_avg_pool2d", nn::AdaptiveAvgPool2d({3, 4}));
  check("adaptive_avg_pool3d", nn::AdaptiveAvgPool3d(1));
  check("adaptive_max_pool1d", nn::AdaptiveMaxPool1d(3));
  check("adaptive_max_pool2d", nn::AdaptiveMaxPool2d({3, 4}));
  check("adaptive_max_pool3d", nn::AdaptiveMaxPool3d(2));
}

TEST_CASE("Upsample and Unflatten agree with PyTorch") {
  check("upsample", nn::Upsample({.scale_factor = {2}}));
  check("upsample/bilinear", nn::Upsample({.size = {3, 7}, .mode = "bilinear", .align_corners = true}));
  check("unflatten", nn::Unflatten(1, {2, 2}));
}

TEST_CASE("pooling, Upsample and Unflatten: derivatives, no images, errors") {
  check_derivatives(nn::MaxPool2d(2), {1, 2, 4, 3});
  check_derivatives(nn::AvgPool1d(2, {.stride = 1}), {1, 2, 4});
  check_derivatives(nn::AdaptiveAvgPool2d({2, 1}), {1, 2, 3, 2});
  check_derivatives(nn::AdaptiveMaxPool1d(2), {1, 2, 5});
  check_derivatives(nn::Upsample({.scale_factor = {2}, .mode = "linear"}), {1, 2, 3});
  check_derivatives(nn::Unflatten(-1, {2, -1}), {2, 4});
  CHECK(nn::MaxPool2d(2)(nt::ones({0, 3, 8, 8})).shape() == nt::Shape{0, 3, 4, 4});
  CHECK(nn::AvgPool2d(2)(nt::ones({0, 3, 8, 8})).shape() == nt::Shape{0, 3, 4, 4});
  CHECK(nn::AdaptiveAvgPool1d(2)(nt::ones({0, 3, 8})).shape() == nt::Shape{0, 3, 2});
  const nn::Sequential model(nn::Sequential(nn::MaxPool2d(2), nn::AdaptiveAvgPool2d(1)), nn::Unflatten(1, {2, 2}));
  CHECK_THROWS_WITH(model(nt::ones({2, 3})), contains("0.0: max_pool2d") && contains("x [2, 3]"));
  CHECK_THROWS_AS(model(nt::ones({2, 3})), nt::ShapeError);
  CHECK_THROWS_WITH(model(nt::ones({2, 3, 4, 4})), contains("1: unflatten"));
}
