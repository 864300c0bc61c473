// SPDX-License-Identifier: BSD-3-Clause
// Padding, pixels, channels and patches in another order, and pooling's inverse and its random windows.
#include "nn/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/padding.hpp>
#include <newtape/nn/layers/pooling.hpp>
#include <newtape/nn/layers/shuffle.hpp>

namespace newtape::nn::table {
namespace {

/// A row with the case of this name; `wrong` is an invalid shape.
template <class Make>
Row rearranged(const std::string& type, const std::string& torch, Make module, const Shape& wrong) {
  return {
      .name = type, .make = make(module), .torch = {"conv", torch}, .refuses = {{floats({wrong}), to_string(wrong)}}};
}

const Rows padding{
    rearranged("ConstantPad1d", "constant_pad1d",
               [] {
                 return ConstantPad1d({{1, 2}}, 0.5);
               },
               {2, 2, 3, 4}),
    rearranged("ConstantPad2d", "constant_pad2d", [] { return ConstantPad2d(1, -2); }, {2, 3}),
    rearranged("ConstantPad3d", "constant_pad3d",
               [] {
                 return ConstantPad3d({{2, 0}, {1, 0}, {0, 1}}, 3);
               },
               {2, 3, 4}),
    rearranged("ZeroPad1d", "zero_pad1d",
               [] {
                 return ZeroPad1d({{1, 2}});
               },
               {4}),
    rearranged("ZeroPad2d", "zero_pad2d",
               [] {
                 return ZeroPad2d({{2, 1}, {1, 0}});
               },
               {4}),
    rearranged("ZeroPad3d", "zero_pad3d", [] { return ZeroPad3d(1); }, {4}),
    rearranged("ReflectionPad1d", "reflection_pad1d",
               [] {
                 return ReflectionPad1d({{2, 1}});
               },
               {4}),
    rearranged("ReflectionPad2d", "reflection_pad2d",
               [] {
                 return ReflectionPad2d({{0, 3}, {1, 2}});
               },
               {4}),
    rearranged("ReflectionPad3d", "reflection_pad3d", [] { return ReflectionPad3d(1); }, {4}),
    rearranged("ReplicationPad1d", "replication_pad1d", [] { return ReplicationPad1d(3); }, {4}),
    rearranged("ReplicationPad2d", "replication_pad2d",
               [] {
                 return ReplicationPad2d({{0, 3}, {1, 2}});
               },
               {4}),
    rearranged("ReplicationPad3d", "replication_pad3d",
               [] {
                 return ReplicationPad3d({{0, 1}, {2, 1}, {1, 0}});
               },
               {4}),
    rearranged("CircularPad1d", "circular_pad1d",
               [] {
                 return CircularPad1d({{2, 3}});
               },
               {4}),
    rearranged("CircularPad2d", "circular_pad2d",
               [] {
                 return CircularPad2d({{3, 0}, {1, 2}});
               },
               {4}),
    rearranged("CircularPad3d", "circular_pad3d",
               [] {
                 return CircularPad3d({{0, 3}, {2, 1}, {1, 0}});
               },
               {4}),
};

const Rows shuffles{
    rearranged("PixelShuffle", "pixel_shuffle", [] { return PixelShuffle(2); }, {2, 3, 4, 4}),
    rearranged("PixelUnshuffle", "pixel_unshuffle", [] { return PixelUnshuffle(2); }, {2, 3, 3, 4}),
    rearranged("ChannelShuffle", "channel_shuffle", [] { return ChannelShuffle(2); }, {2, 3, 4}),
    rearranged("Unfold", "unfold",
               [] {
                 return Unfold({2, 3}, {.padding = 1, .stride = {1, 2}});
               },
               {2, 3}),
    rearranged("Fold", "fold",
               [] {
                 return Fold({4, 5}, {2, 2}, {.dilation = {1, 2}});
               },
               {2, 12, 8}),
};

/// Values and places of maxima; the latter have no derivatives.
template <class Make>
Row unpooling(const std::string& type, const std::string& torch, Make module) {
  return {.name = type,
          .make = make(module),
          .torch = {"conv", torch},
          .refuses = {{[] {
                         return Tensors{ones({3}, f64), zeros({3}, i64)};
                       },
                       "[3]"}},
          .fixed = {1}};
}

/// As in the script of the references.
Tensor random_samples(const Shape& shape) {
  return reshape(remainder(arange(element_count(shape), f64) * 0.375, 1.0), shape);
}
template <class Make>
Row fractional(const std::string& type, const std::string& torch, Make module) {
  return {.name = type,
          .make = make(module),
          .torch = {"conv", torch},
          .batched = false,
          .refuses = {{floats({{2, 3}}), "[2, 3]"}, {floats({{1, 1, 1, 1, 1, 1}}), "[1, 1, 1, 1, 1, 1]"}}};
}

const Rows pools{
    unpooling("MaxUnpool1d", "max_unpool1d", [] { return MaxUnpool1d(2); }),
    unpooling("MaxUnpool2d", "max_unpool2d",
              [] {
                return MaxUnpool2d(2, {.stride = {2, 3}});
              }),
    unpooling("MaxUnpool3d", "max_unpool3d",
              [] {
                return MaxUnpool3d({2, 1, 1});
              }),
    fractional(
        "FractionalMaxPool2d", "fractional_max_pool2d",
        [] {
          return FractionalMaxPool2d({2, 1}, {.output_size = {2, 3}, .random_samples = random_samples({1, 4, 2})});
        }),
    fractional("FractionalMaxPool3d", "fractional_max_pool3d",
               [] {
                 return FractionalMaxPool3d(1, {.output_ratio = {0.7}, .random_samples = random_samples({1, 2, 3})});
               }),
};

}  // namespace
}  // namespace newtape::nn::table
