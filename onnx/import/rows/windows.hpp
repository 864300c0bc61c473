// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/call.hpp>

#include <utility>
#include <vector>

namespace newtape::onnx::detail {

/// The windows of a convolution or pooling, as its attributes say; one number for each spatial axis.
struct Windows {
  Dims kernel, stride, dilation, before, after;

  /// Reads kernel_shape (unless `kernel` is known), strides, dilations, pads and auto_pad for an input with these spatial
  /// axes.
  Windows(const Call& c, Dims kernel_lengths, const Dims& spatial);

  std::size_t axes() const noexcept { return kernel.size(); }
  /// The length that a window covers.
  std::int64_t reach(std::size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
  bool padded() const;
  bool symmetric() const { return before == after; }
  /// Widths for `pad` of [n, c, spatial..].
  std::vector<std::pair<std::int64_t, std::int64_t>> widths() const;
  /// Makes `after` so large (or small) that as many windows fit as ceil_mode counts: the last begins inside of the input
  /// or of the padding before it.
  void round_up(const Dims& spatial);
};

/// The lengths of the spatial axes of [n, c, spatial..].
Dims spatial_of(const Shape& shape);

}  // namespace newtape::onnx::detail
