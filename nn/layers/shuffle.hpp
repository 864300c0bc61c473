// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/pixel_shuffle.hpp>
#include <newtape/autograd/ops/rearrange.hpp>
#include <newtape/nn/module/module.hpp>

#include <utility>

/// Pixels, channels and patches in another order, as layers.
namespace newtape::nn {

/// x [.., c factor^2, h, w] -> [.., c, h factor, w factor]; see pixel_shuffle.
struct PixelShuffle : Module<PixelShuffle> {
  explicit PixelShuffle(std::int64_t factor) : upscale_factor(factor) {}
  Tensor forward(In x) const { return pixel_shuffle(std::move(x), upscale_factor); }
  std::int64_t upscale_factor;
};
/// x [.., c, h factor, w factor] -> [.., c factor^2, h, w]; see pixel_unshuffle.
struct PixelUnshuffle : Module<PixelUnshuffle> {
  explicit PixelUnshuffle(std::int64_t factor) : downscale_factor(factor) {}
  Tensor forward(In x) const { return pixel_unshuffle(std::move(x), downscale_factor); }
  std::int64_t downscale_factor;
};
/// Channels of x [n, c, spatial..] in another order; see channel_shuffle.
struct ChannelShuffle : Module<ChannelShuffle> {
  explicit ChannelShuffle(std::int64_t count) : groups(count) {}
  Tensor forward(In x) const { return channel_shuffle(std::move(x), groups); }
  std::int64_t groups;
};

/// Patches of x [n, c, spatial..] as columns; see unfold.
struct Unfold : Module<Unfold> {
  explicit Unfold(Dims kernel, const FoldOptions& o = {}) : kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x) const { return unfold(std::move(x), kernel_size, options); }
  Dims kernel_size;
  FoldOptions options;
};
/// Images of the sums of patches, which are columns; see fold.
struct Fold : Module<Fold> {
  Fold(Dims size, Dims kernel, const FoldOptions& o = {})
      : output_size(std::move(size)), kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x) const { return fold(std::move(x), output_size, kernel_size, options); }
  Dims output_size;
  Dims kernel_size;
  FoldOptions options;
};

}  // namespace newtape::nn
