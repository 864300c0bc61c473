// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/conv.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::nn {

namespace {

/// [first, second / groups, kernel..]. ValueError naming `op` for invalid channels and groups.
Shape weight_shape(std::string_view op, std::int64_t in, std::int64_t out, const Dims& kernel, std::int64_t groups,
                   bool transposed) {
  if (in < 1 || out < 1 || groups < 1 || in % groups != 0 || out % groups != 0) {
    raise<ValueError>(std::string(op) + ": the channels must be divisible by groups",
                      "in_channels, out_channels >= 1, divided by groups",
                      std::to_string(in) + ", " + std::to_string(out) + " in " + std::to_string(groups) + " groups");
  }
  Shape shape{transposed ? in : out, (transposed ? out : in) / groups};
  for (const auto k : kernel) shape.push_back(k);
  return shape;
}

/// ShapeError unless x has `channels` channels on the axis before the spatial axes.
void check_channels(std::string_view op, const In& x, std::int64_t channels, std::size_t axes) {
  const std::size_t ndim = x.is_number() ? 0 : x.ndim();
  const bool rank_fits = ndim == axes + 1 || ndim == axes + 2;
  if (rank_fits && x.shape()[ndim - axes - 1] == channels) return;
  const std::string image = std::to_string(channels) + (axes == 1 ? ", l]" : axes == 2 ? ", h, w]" : ", d, h, w]");
  raise<ShapeError>(std::string(op) + ": x must have " + std::to_string(channels) + " channels",
                    "x [n, " + image + " or [" + image, x.is_number() ? "a number" : "x " + to_string(x.shape()));
}

void initialise(const Parameter& weight, const Parameter& bias) {
  init::kaiming_uniform(weight, {.a = std::sqrt(5.0)});
  if (!bias.defined()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(init::fans(weight.shape()).in));
  init::uniform(bias, -bound, bound);
}

template <std::size_t axes, class... Args>
Tensor convolve(Args&&... args) {
  if constexpr (axes == 1) {
    return conv1d(std::forward<Args>(args)...);
  } else if constexpr (axes == 2) {
    return conv2d(std::forward<Args>(args)...);
  } else {
    return conv3d(std::forward<Args>(args)...);
  }
}
template <std::size_t axes, class... Args>
Tensor convolve_transposed(Args&&... args) {
  if constexpr (axes == 1) {
    return conv_transpose1d(std::forward<Args>(args)...);
  } else if constexpr (axes == 2) {
    return conv_transpose2d(std::forward<Args>(args)...);
  } else {
    return conv_transpose3d(std::forward<Args>(args)...);
  }
}

}  // namespace

template <class Self, std::size_t axes>
Convolution<Self, axes>::Convolution(std::int64_t in, std::int64_t out, const PerAxis& kernel, const ConvOptions& o)
    : in_channels(in),
      out_channels(out),
      kernel_size(kernel.over(this->type(), "kernel_size", axes, 1)),
      options(o),
      weight(this->add("weight", Parameter(Array::empty(
                                     weight_shape(this->type(), in, out, kernel_size, o.groups, false), o.dtype)))) {
  const auto op = this->type();
  const Dims stride = o.stride.over(op, "stride", axes, 1);
  const Dims dilation = o.dilation.over(op, "dilation", axes, 1);
  const Dims padding = o.padding.lengths().over(op, "padding", axes, 0);
  const bool same = o.padding.mode() == Padding::same;
  if (same && std::any_of(stride.begin(), stride.end(), [](auto s) { return s != 1; })) {
    raise<ValueError>(std::string(op) + ": Padding::same requires stride 1", "stride 1", to_string(stride));
  }
  if (o.padding_mode != PaddingMode::zeros) {
    for (std::size_t a = 0; a < axes; ++a) {
      const auto reach = dilation[a] * (kernel_size[a] - 1);
      const auto before = same ? reach / 2 : padding[a];
      widths_.emplace_back(before, same ? reach - before : before);
    }
  }
  if (o.bias) bias = this->add("bias", Parameter(Array::empty({out}, o.dtype)));
  initialise(weight, bias);
}

template <class Self, std::size_t axes>
Tensor Convolution<Self, axes>::forward(In x) const {
  check_channels(this->type(), x, in_channels, axes);
  const bool padded = !widths_.empty();
  const ConvFuncOptions o{options.stride, padded ? Padding(0) : options.padding, options.dilation, options.groups};
  In in = padded ? In(pad(x, widths_, options.padding_mode), x.location()) : std::move(x);
  if (!bias.defined()) return convolve<axes>(std::move(in), weight, o);
  return convolve<axes>(std::move(in), weight, bias, o);
}

template struct Convolution<Conv1d, 1>;
template struct Convolution<Conv2d, 2>;
template struct Convolution<Conv3d, 3>;

template <class Self, std::size_t axes>
TransposedConvolution<Self, axes>::TransposedConvolution(std::int64_t in, std::int64_t out, const PerAxis& kernel,
                                                         const ConvTransposeOptions& o)
    : in_channels(in),
      out_channels(out),
      kernel_size(kernel.over(this->type(), "kernel_size", axes, 1)),
      options(o),
      weight(this->add("weight", Parameter(Array::empty(
                                     weight_shape(this->type(), in, out, kernel_size, o.groups, true), o.dtype)))) {
  const auto op = this->type();
  for (const auto& [text, value, min_value] :
       {std::tuple("stride", o.stride, 1), std::tuple("dilation", o.dilation, 1), std::tuple("padding", o.padding, 0),
        std::tuple("output_padding", o.output_padding, 0)}) {
    (void)value.over(op, text, axes, min_value);
  }
  if (o.bias) bias = this->add("bias", Parameter(Array::empty({out}, o.dtype)));
  initialise(weight, bias);
}

template <class Self, std::size_t axes>
Tensor TransposedConvolution<Self, axes>::forward(In x) const {
  check_channels(this->type(), x, in_channels, axes);
  const ConvTransposeFuncOptions o{options.stride, options.padding, options.output_padding, options.dilation,
                                   options.groups};
  if (!bias.defined()) return convolve_transposed<axes>(std::move(x), weight, o);
  return convolve_transposed<axes>(std::move(x), weight, bias, o);
}

template struct TransposedConvolution<ConvTranspose1d, 1>;
template struct TransposedConvolution<ConvTranspose2d, 2>;
template struct TransposedConvolution<ConvTranspose3d, 3>;

}  // namespace newtape::nn
