// SPDX-License-Identifier: BSD-3-Clause
// Convolutions and pooling: the axis of the examples joins the batch, or their channels become groups.
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>

namespace newtape::detail {
namespace {

using Results = std::vector<Tensor>;

/// f of images x [B, n, c, ..] as [B n, c, ..], or of [B, c, ..].
template <class F>
Results of_images(const BatchedCall& c, const Tensor& x, std::size_t axes, const F& f) {
  if (c.ndim(0) == axes + 1) return f(x);
  const auto joined = [](const Tensor& t, std::size_t count, const Shape& by) {
    Shape shape = by;
    for (std::size_t i = count; i < t.ndim(); ++i) shape.push_back(t.shape()[i]);
    return reshape(t, shape);
  };
  const auto n = x.shape(1);
  Results ys = f(joined(x, 2, {c.size * n}));
  for (auto& y : ys) y = joined(y, 1, {c.size, n});
  return ys;
}

/// A convolution f(x, w, b, groups) with kernels or biases of their own for the examples: as many groups of channels.
template <class F>
Results of_kernels(const BatchedCall& c, std::size_t axes, const F& f) {
  const bool images = c.ndim(0) == axes + 2;
  const auto merged = [](const Tensor& t, std::size_t axis) {
    Shape shape = t.shape();
    shape[axis + 1] *= shape[axis];
    shape.erase(axis);
    return reshape(t, shape);
  };
  // [n, B c, ..], and kernels and biases one after the other.
  const Tensor x = images ? merged(moveaxis(c.whole(0), 0, 1), 1) : unsqueeze(merged(c.whole(0), 0), 0);
  const Tensor y = f(x, merged(c.whole(1), 0), c[2].defined() ? merged(c.whole(2), 0) : Tensor());
  Shape parts = y.shape();
  parts[1] /= c.size;
  parts.insert(1, c.size);
  const Tensor each = reshape(y, parts);
  return {images ? moveaxis(each, 1, 0) : squeeze(each, 0)};
}
/// A convolution for a batch of examples, by `run(x, w, b, groups)`.
template <class F>
Results convolution(const BatchedCall& c, const F& run) {
  const auto axes = c.ndim(1) - 2;
  const auto groups = c.integer("groups");
  if (c.batched(1) || c.batched(2)) {
    return of_kernels(c, axes, [&](const Tensor& x, const Tensor& w, const Tensor& b) {
      return run(axes, x, w, b, groups * c.size);
    });
  }
  return of_images(c, c[0], axes, [&](const Tensor& x) -> Results { return {run(axes, x, c[1], c[2], groups)}; });
}

Results conv_rule(const BatchedCall& c) {
  return convolution(c, [&](std::size_t axes, const Tensor& x, const Tensor& w, const Tensor& b, std::int64_t groups) {
    const ConvFuncOptions o{.stride = c.get<Dims>("stride"),
                            .padding = c.flag("same") ? Padding(Padding::same) : Padding(c.get<Dims>("padding")),
                            .dilation = c.get<Dims>("dilation"),
                            .groups = groups};
    if (!b.defined()) return axes == 1 ? conv1d(x, w, o) : axes == 2 ? conv2d(x, w, o) : conv3d(x, w, o);
    return axes == 1 ? conv1d(x, w, b, o) : axes == 2 ? conv2d(x, w, b, o) : conv3d(x, w, b, o);
  });
}
Results conv_transpose_rule(const BatchedCall& c) {
  return convolution(c, [&](std::size_t axes, const Tensor& x, const Tensor& w, const Tensor& b, std::int64_t groups) {
    const ConvTransposeFuncOptions o{.stride = c.get<Dims>("stride"),
                                     .padding = c.get<Dims>("padding"),
                                     .output_padding = c.get<Dims>("output_padding"),
                                     .dilation = c.get<Dims>("dilation"),
                                     .groups = groups};
    if (!b.defined()) {
      return axes == 1 ? conv_transpose1d(x, w, o) : axes == 2 ? conv_transpose2d(x, w, o) : conv_transpose3d(x, w, o);
    }
    return axes == 1   ? conv_transpose1d(x, w, b, o)
           : axes == 2 ? conv_transpose2d(x, w, b, o)
                       : conv_transpose3d(x, w, b, o);
  });
}
Results max_pool_rule(const BatchedCall& c) {
  const auto& kernel = c.get<Dims>("kernel");
  const auto axes = kernel.size();
  const MaxPoolOptions o{.stride = c.get<Dims>("stride"),
                         .padding = c.get<Dims>("padding"),
                         .dilation = c.get<Dims>("dilation"),
                         .ceil_mode = c.flag("ceil_mode")};
  return of_images(c, c[0], axes, [&](const Tensor& x) -> Results {
    if (c.call.results.size() == 1) {
      return {axes == 1 ? max_pool1d(x, kernel, o) : axes == 2 ? max_pool2d(x, kernel, o) : max_pool3d(x, kernel, o)};
    }
    const auto [y, at] = axes == 1   ? max_pool1d_with_indices(x, kernel, o)
                         : axes == 2 ? max_pool2d_with_indices(x, kernel, o)
                                     : max_pool3d_with_indices(x, kernel, o);
    return {y, at};
  });
}
Results avg_pool_rule(const BatchedCall& c) {
  const auto& kernel = c.get<Dims>("kernel");
  const auto axes = kernel.size();
  const AvgPoolOptions o{.stride = c.get<Dims>("stride"),
                         .padding = c.get<Dims>("padding"),
                         .ceil_mode = c.flag("ceil_mode"),
                         .count_include_pad = c.flag("count_include_pad"),
                         .divisor_override = c.integer("divisor")};
  return of_images(c, c[0], axes, [&](const Tensor& x) -> Results {
    return {axes == 1 ? avg_pool1d(x, kernel, o) : axes == 2 ? avg_pool2d(x, kernel, o) : avg_pool3d(x, kernel, o)};
  });
}
template <Tensor (*one_axis)(In, const PerAxis&), Tensor (*two_axes)(In, const PerAxis&),
          Tensor (*three_axes)(In, const PerAxis&)>
Results adaptive_rule(const BatchedCall& c) {
  const auto& size = c.get<Dims>("size");
  const auto axes = size.size();
  if (c.call.results.size() != 1) return {};
  return of_images(c, c[0], axes, [&](const Tensor& x) -> Results {
    return {axes == 1 ? one_axis(x, size) : axes == 2 ? two_axes(x, size) : three_axes(x, size)};
  });
}

constexpr NamedRule images[] = {
    {"adaptive_avg_pool", adaptive_rule<adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d>},
    {"adaptive_max_pool", adaptive_rule<adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d>},
    {"avg_pool", avg_pool_rule},
    {"conv", conv_rule},
    {"conv_transpose", conv_transpose_rule},
    {"max_pool", max_pool_rule},
};

}  // namespace

std::span<const NamedRule> image_rules() { return images; }

}  // namespace newtape::detail
