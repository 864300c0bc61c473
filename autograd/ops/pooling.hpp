// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

#include <utility>

/// Pooling as in PyTorch, over the last one, two or three axes of x [n, c, spatial..] or [c, spatial..]. An output has
/// length (l + 2 padding - dilation (k - 1) - 1) / stride + 1, rounded down or, with `ceil_mode`, up; but the last
/// window then begins before the end of the input and the padding in front.
namespace newtape {

struct MaxPoolOptions {
  PerAxis stride = {};  ///< that of the kernel unless given
  PerAxis padding = 0;  ///< half of the kernel at most; never the maximum
  PerAxis dilation = 1;
  bool ceil_mode = false;
};

/// The largest element of each window. The gradient goes to the first of equals; NaN wins.
Tensor max_pool1d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
Tensor max_pool2d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
Tensor max_pool3d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
/// And where they stand: indices (i64 constants) into the spatial axes laid flat.
std::pair<Tensor, Tensor> max_pool1d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
std::pair<Tensor, Tensor> max_pool2d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
std::pair<Tensor, Tensor> max_pool3d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});

struct AvgPoolOptions {
  PerAxis stride = {};  ///< that of the kernel unless given
  PerAxis padding = 0;  ///< half of the kernel at most
  bool ceil_mode = false;
  bool count_include_pad = true;      ///< the zeros of the padding count as elements
  std::int64_t divisor_override = 0;  ///< unless 0, divides the sum of a window instead of the number of elements
};

/// The mean of each window.
Tensor avg_pool1d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});
Tensor avg_pool2d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});
Tensor avg_pool3d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});

/// As many windows as the output is long, from i l / size to (i + 1) l / size, rounded down and up: their means...
Tensor adaptive_avg_pool1d(In x, const PerAxis& output_size);
Tensor adaptive_avg_pool2d(In x, const PerAxis& output_size);
Tensor adaptive_avg_pool3d(In x, const PerAxis& output_size);
/// ... and their largest elements.
Tensor adaptive_max_pool1d(In x, const PerAxis& output_size);
Tensor adaptive_max_pool2d(In x, const PerAxis& output_size);
Tensor adaptive_max_pool3d(In x, const PerAxis& output_size);

struct LpPoolOptions {
  PerAxis stride = {};
  bool ceil_mode = false;
};
/// (sum of x^norm over each window)^(1 / norm).
Tensor lp_pool1d(In x, double norm, const PerAxis& kernel_size, const LpPoolOptions& options = {});
Tensor lp_pool2d(In x, double norm, const PerAxis& kernel_size, const LpPoolOptions& options = {});

}  // namespace newtape
