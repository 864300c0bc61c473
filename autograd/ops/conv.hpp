// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

/// Convolutions as in PyTorch (cross-correlations: the kernel is not flipped).
namespace newtape {

struct ConvFuncOptions {
  PerAxis stride = 1;
  Padding padding = 0;
  PerAxis dilation = 1;
  std::int64_t groups = 1;
};

/// x [n, c, l] or [c, l], w [o, c / groups, k], b [o] -> [n, o, (l + 2 padding - dilation (k - 1) - 1) / stride + 1].
Tensor conv1d(In x, In w, const ConvFuncOptions& options = {});
Tensor conv1d(In x, In w, In b, const ConvFuncOptions& options = {});
/// The same for x [n, c, h, w] and w [o, c / groups, kh, kw].
Tensor conv2d(In x, In w, const ConvFuncOptions& options = {});
Tensor conv2d(In x, In w, In b, const ConvFuncOptions& options = {});
/// The same for x [n, c, d, h, w] and w [o, c / groups, kd, kh, kw].
Tensor conv3d(In x, In w, const ConvFuncOptions& options = {});
Tensor conv3d(In x, In w, In b, const ConvFuncOptions& options = {});

struct ConvTransposeFuncOptions {
  PerAxis stride = 1;
  PerAxis padding = 0;
  PerAxis output_padding = 0;  ///< extra length at the end of the output; less than stride or dilation
  PerAxis dilation = 1;
  std::int64_t groups = 1;
};

/// The adjoint of conv in its input: x [n, c, l] or [c, l], w [c, o / groups, k], b [o] ->
/// [n, o, (l - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1].
Tensor conv_transpose1d(In x, In w, const ConvTransposeFuncOptions& options = {});
Tensor conv_transpose1d(In x, In w, In b, const ConvTransposeFuncOptions& options = {});
Tensor conv_transpose2d(In x, In w, const ConvTransposeFuncOptions& options = {});
Tensor conv_transpose2d(In x, In w, In b, const ConvTransposeFuncOptions& options = {});
Tensor conv_transpose3d(In x, In w, const ConvTransposeFuncOptions& options = {});
Tensor conv_transpose3d(In x, In w, In b, const ConvTransposeFuncOptions& options = {});

}  // namespace newtape
