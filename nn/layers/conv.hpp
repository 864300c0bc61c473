// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/nn/module/module.hpp>

#include <utility>
#include <vector>

/// Convolutions as layers, with PyTorch's names, shapes and initial values: weights kaiming_uniform(a = sqrt(5)),
/// biases uniform in +-1 / sqrt(fan in). ValueError for sizes below 1, and unless groups divides the channels.
namespace newtape::nn {

struct ConvOptions {
  PerAxis stride = 1;
  Padding padding = 0;  ///< numbers, Padding::same or Padding::valid
  PerAxis dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::zeros;
  DType dtype = f32;
};

/// The base of Conv1d, Conv2d and Conv3d. weight [out, in / groups, kernel..], bias [out].
template <class Self, std::size_t axes>
struct Convolution : Module<Self> {
  Convolution(std::int64_t in_channels, std::int64_t out_channels, const PerAxis& kernel_size,
              const ConvOptions& options = {});
  /// x [n, in, spatial..] or [in, spatial..] -> [n, out, spatial..], see newtape::conv2d.
  Tensor forward(In x) const;

  std::int64_t in_channels;
  std::int64_t out_channels;
  Dims kernel_size;
  ConvOptions options;
  Parameter weight;
  Parameter bias;  ///< undefined without bias

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> widths_;  ///< of padding with values other than zeros
};

/// Convolution of x [n, in, l] or [in, l]; see newtape::conv1d.
struct Conv1d : Convolution<Conv1d, 1> {
  using Convolution::Convolution;
};
/// Convolution of x [n, in, h, w] or [in, h, w]; see newtape::conv2d.
struct Conv2d : Convolution<Conv2d, 2> {
  using Convolution::Convolution;
};
/// Convolution of x [n, in, d, h, w] or [in, d, h, w]; see newtape::conv3d.
struct Conv3d : Convolution<Conv3d, 3> {
  using Convolution::Convolution;
};

struct ConvTransposeOptions {
  PerAxis stride = 1;
  PerAxis padding = 0;
  PerAxis output_padding = 0;
  std::int64_t groups = 1;
  bool bias = true;
  PerAxis dilation = 1;
  DType dtype = f32;
};

/// The base of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d. weight [in, out / groups, kernel..], bias [out].
template <class Self, std::size_t axes>
struct TransposedConvolution : Module<Self> {
  TransposedConvolution(std::int64_t in_channels, std::int64_t out_channels, const PerAxis& kernel_size,
                        const ConvTransposeOptions& options = {});
  /// x [n, in, spatial..] or [in, spatial..] -> [n, out, spatial..], see newtape::conv_transpose2d.
  Tensor forward(In x) const;

  std::int64_t in_channels;
  std::int64_t out_channels;
  Dims kernel_size;
  ConvTransposeOptions options;
  Parameter weight;
  Parameter bias;  ///< undefined without bias
};

/// Transposed convolution of x [n, in, l] or [in, l]; see newtape::conv_transpose1d.
struct ConvTranspose1d : TransposedConvolution<ConvTranspose1d, 1> {
  using TransposedConvolution::TransposedConvolution;
};
/// Transposed convolution of x [n, in, h, w] or [in, h, w]; see newtape::conv_transpose2d.
struct ConvTranspose2d : TransposedConvolution<ConvTranspose2d, 2> {
  using TransposedConvolution::TransposedConvolution;
};
/// Transposed convolution of x [n, in, d, h, w] or [in, d, h, w]; see newtape::conv_transpose3d.
struct ConvTranspose3d : TransposedConvolution<ConvTranspose3d, 3> {
  using TransposedConvolution::TransposedConvolution;
};

}  // namespace newtape::nn
