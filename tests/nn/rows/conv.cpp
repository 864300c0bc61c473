// SPDX-License-Identifier: BSD-3-Clause
// Convolutions, pooling, and resizing.
#include "nn/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/pooling.hpp>
#include <newtape/nn/layers/upsample.hpp>

namespace newtape::nn::table {
namespace {

/// A row with the case of this name; `wrong` is an invalid shape.
template <class Make>
Row image(const std::string& type, const std::string& torch, Make module, const Shape& wrong, bool batched = true) {
  const auto slash = torch.find('/');
  return {.name = type + (slash == std::string::npos ? "" : torch.substr(slash)),
          .make = make(module),
          .torch = {"conv", torch},
          .batched = batched,
          .refuses = {{floats({wrong}), to_string(wrong)}, {floats({{}}), "[]"}}};
}

const Rows convolutions{
    image("Conv1d", "conv1d", [] { return Conv1d(4, 3, 3); }, {2, 3, 6}),
    image("Conv1d", "conv1d/same", [] { return Conv1d(4, 2, 4, {.padding = Padding::same, .dilation = 2}); }, {2, 4}),
    image("Conv1d", "conv1d/reflect",
          [] { return Conv1d(4, 2, 3, {.padding = 2, .padding_mode = PaddingMode::reflect}); }, {2, 3, 6}),
    image("Conv1d", "conv1d/replicate",
          [] { return Conv1d(4, 2, 2, {.padding = Padding::same, .padding_mode = PaddingMode::replicate}); },
          {1, 2, 4, 6}),
    image(
        "Conv1d", "conv1d/unbatched", [] { return Conv1d(4, 3, 3, {.padding = 1}); }, {3, 6}, false),
    image("Conv2d", "conv2d",
          [] {
            return Conv2d(4, 3, {3, 2}, {.stride = {2, 1}, .padding = {1, 0}});
          },
          {2, 5, 8, 8}),
    image("Conv2d", "conv2d/plain", [] { return Conv2d(4, 6, 3, {.groups = 2, .bias = false}); }, {2, 4, 2, 8}),
    image("Conv2d", "conv2d/valid",
          [] {
            return Conv2d(4, 2, 2, {.padding = Padding::valid, .dilation = {1, 2}});
          },
          {2, 4}),
    image("Conv2d", "conv2d/circular",
          [] {
            return Conv2d(4, 4, 3, {.padding = {1, 2}, .groups = 4, .padding_mode = PaddingMode::circular});
          },
          {2, 3, 4, 5}),
    image("Conv3d", "conv3d", [] { return Conv3d(2, 2, 2, {.stride = 2, .padding = 1}); }, {2, 3, 4, 4, 4}),
    image("ConvTranspose1d", "conv_transpose1d",
          [] { return ConvTranspose1d(4, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}); }, {2, 3, 6}),
    image("ConvTranspose2d", "conv_transpose2d",
          [] {
            return ConvTranspose2d(4, 2, {2, 3}, {.stride = {1, 2}, .groups = 2, .dilation = 2});
          },
          {2, 3, 4, 5}),
    image("ConvTranspose2d", "conv_transpose2d/plain", [] { return ConvTranspose2d(4, 3, 2, {.bias = false}); }, {4}),
    image("ConvTranspose3d", "conv_transpose3d", [] { return ConvTranspose3d(2, 2, 2); }, {3, 3, 3, 3}),
};

const Rows pooling{
    image("MaxPool1d", "max_pool1d", [] { return MaxPool1d(3, {.stride = 2, .padding = 1}); }, {6}),
    image("MaxPool2d", "max_pool2d", [] { return MaxPool2d(2); }, {2, 3, 1, 4}),
    image("MaxPool2d", "max_pool2d/ceil",
          [] {
            return MaxPool2d({3, 2}, {.stride = 2, .dilation = {1, 2}, .ceil_mode = true});
          },
          {2, 4}),
    image("MaxPool2d", "max_pool2d/beyond",
          [] {
            return MaxPool2d(3, {.stride = {1, 3}, .dilation = {1, 2}, .ceil_mode = true});
          },
          {2, 4, 1, 1}),
    image("MaxPool3d", "max_pool3d", [] { return MaxPool3d(2); }, {2, 4, 4}),
    image("AvgPool1d", "avg_pool1d", [] { return AvgPool1d(3, {.stride = 2, .padding = 1}); }, {6}),
    image("AvgPool2d", "avg_pool2d",
          [] {
            return AvgPool2d({2, 3}, {.padding = 1, .count_include_pad = false});
          },
          {4}),
    image("AvgPool3d", "avg_pool3d", [] { return AvgPool3d(2, {.divisor_override = 3}); }, {2, 2, 1, 4, 4}),
    image("LPPool1d", "lp_pool1d", [] { return LPPool1d(2, 3); }, {2, 3, 2}),
    image("LPPool2d", "lp_pool2d", [] { return LPPool2d(3, 2); }, {2, 3}),
    image("AdaptiveAvgPool1d", "adaptive_avg_pool1d", [] { return AdaptiveAvgPool1d(3); }, {6}),
    image("AdaptiveAvgPool2d", "adaptive_avg_pool2d",
          [] {
            return AdaptiveAvgPool2d({3, 4});
          },
          {2, 3}),
    image("AdaptiveAvgPool3d", "adaptive_avg_pool3d", [] { return AdaptiveAvgPool3d(1); }, {2, 3, 3}),
    image("AdaptiveMaxPool1d", "adaptive_max_pool1d", [] { return AdaptiveMaxPool1d(3); }, {6}),
    image("AdaptiveMaxPool2d", "adaptive_max_pool2d",
          [] {
            return AdaptiveMaxPool2d({3, 4});
          },
          {2, 3}),
    image("AdaptiveMaxPool3d", "adaptive_max_pool3d", [] { return AdaptiveMaxPool3d(2); }, {2, 3, 3}),
    image("Upsample", "upsample", [] { return Upsample({.scale_factor = {2}}); }, {2, 3}),
    image("Upsample", "upsample/bilinear",
          [] {
            return Upsample({.size = {3, 7}, .mode = InterpolateMode::bilinear, .align_corners = true});
          },
          {2, 3, 4}),
    image("Upsample", "upsample/linear",
          [] { return Upsample({.scale_factor = {2}, .mode = InterpolateMode::linear}); }, {2, 3}),
};

}  // namespace
}  // namespace newtape::nn::table
