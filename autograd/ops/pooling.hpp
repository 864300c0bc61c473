// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

#include <utility>
#include <vector>

namespace newtape {
class Generator;
/// This thread's default generator; see <newtape/core/runtime/random.hpp>.
Generator& default_generator();
}  // namespace newtape

/// Pooling as in PyTorch, over the last one, two or three axes of x [n, c, spatial..] or [c, spatial..]. An output has
/// length (l + 2 padding - dilation (k - 1) - 1) / stride + 1, rounded down or, with `ceil_mode`, up, provided that the
/// last window begins inside the input or the padding at its start.
namespace newtape {

struct MaxPoolOptions {
  PerAxis stride = {};  ///< default: kernel_size
  PerAxis padding = 0;  ///< at most half of the kernel; never the maximum
  PerAxis dilation = 1;
  bool ceil_mode = false;
};

/// The maximum of each window. The gradient goes to the first of equal maxima; NaN propagates.
Tensor max_pool1d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
Tensor max_pool2d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
Tensor max_pool3d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
/// Maxima and their indices (i64 constants) into the flattened spatial axes.
std::pair<Tensor, Tensor> max_pool1d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
std::pair<Tensor, Tensor> max_pool2d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});
std::pair<Tensor, Tensor> max_pool3d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options = {});

struct MaxUnpoolOptions {
  PerAxis stride = {};  ///< default: kernel_size
  PerAxis padding = 0;
  PerAxis output_size = {};  ///< default: (l - 1) stride - 2 padding + kernel_size
};
/// The partial inverse of max_pool: x at the indices of max_pool1d_with_indices (of x's shape) and zeros elsewhere. Of equal
/// indices the last one counts. ValueError for an index out of range.
Tensor max_unpool1d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options = {});
Tensor max_unpool2d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options = {});
Tensor max_unpool3d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options = {});

struct FractionalMaxPoolOptions {
  PerAxis output_size = {};               ///< of the spatial axes; either this or output_ratio
  std::vector<double> output_ratio = {};  ///< in (0, 1), one for all spatial axes or one for each
  Tensor random_samples = {};             ///< in [0, 1), [n, c, 2 or 3] (without n: 1); undefined: drawn
};
/// Maxima of windows of random positions (Graham 2014): those of an axis of length l start at
/// floor((i + u) a) - floor(u a), a = (l - kernel_size) / (size - 1), for a random u of each channel, the last at its end. The
/// gradient goes to the first of equal maxima. ShapeError unless 1 <= size <= l - kernel_size + 1.
Tensor fractional_max_pool2d(In x, const PerAxis& kernel_size, const FractionalMaxPoolOptions& options,
                             Generator& generator = default_generator());
Tensor fractional_max_pool3d(In x, const PerAxis& kernel_size, const FractionalMaxPoolOptions& options,
                             Generator& generator = default_generator());
/// Maxima and their indices, as of max_pool2d_with_indices.
std::pair<Tensor, Tensor> fractional_max_pool2d_with_indices(In x, const PerAxis& kernel_size,
                                                             const FractionalMaxPoolOptions& options,
                                                             Generator& generator = default_generator());
std::pair<Tensor, Tensor> fractional_max_pool3d_with_indices(In x, const PerAxis& kernel_size,
                                                             const FractionalMaxPoolOptions& options,
                                                             Generator& generator = default_generator());

struct AvgPoolOptions {
  PerAxis stride = {};  ///< default: kernel_size
  PerAxis padding = 0;  ///< at most half of the kernel
  bool ceil_mode = false;
  bool count_include_pad = true;      ///< padding zeros count as elements
  std::int64_t divisor_override = 0;  ///< unless 0, the divisor of each window's sum
};

/// The mean of each window.
Tensor avg_pool1d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});
Tensor avg_pool2d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});
Tensor avg_pool3d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options = {});

/// The mean of each window [floor(i l / size), ceil((i + 1) l / size)), for output size `size` and input length l.
Tensor adaptive_avg_pool1d(In x, const PerAxis& output_size);
Tensor adaptive_avg_pool2d(In x, const PerAxis& output_size);
Tensor adaptive_avg_pool3d(In x, const PerAxis& output_size);
/// The maximum of each window of adaptive_avg_pool.
Tensor adaptive_max_pool1d(In x, const PerAxis& output_size);
Tensor adaptive_max_pool2d(In x, const PerAxis& output_size);
Tensor adaptive_max_pool3d(In x, const PerAxis& output_size);
/// Maxima and their indices, as of max_pool1d_with_indices.
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(In x, const PerAxis& output_size);
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(In x, const PerAxis& output_size);
std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(In x, const PerAxis& output_size);

struct LPPoolOptions {
  PerAxis stride = {};
  bool ceil_mode = false;
};
/// (sum of x^norm over each window)^(1 / norm), without intermediate overflow.
Tensor lp_pool1d(In x, double norm, const PerAxis& kernel_size, const LPPoolOptions& options = {});
Tensor lp_pool2d(In x, double norm, const PerAxis& kernel_size, const LPPoolOptions& options = {});

}  // namespace newtape
