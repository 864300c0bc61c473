// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Resizing of images, as in PyTorch.
namespace newtape {

/// How an element of the result is computed: the element of index floor(i / scale) (nearest), or that with the nearest
/// centre (nearest_exact); linear interpolation along one, two or three axes, cubic along two; the mean of a window
/// (area).
enum class InterpolateMode { nearest, nearest_exact, linear, bilinear, trilinear, bicubic, area };

struct InterpolateOptions {
  PerAxis size = {};                      ///< of the spatial axes of the result; either this or scale_factor
  std::vector<double> scale_factor = {};  ///< one for all spatial axes, or one for each
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;  ///< linear, cubic: align the centres, not the edges, of the corner elements
  bool antialias = false;      ///< linear, cubic: a smaller result is of weighted means, as in PyTorch and Pillow
};

/// x [n, c, spatial..] with one to three spatial axes (linear one, bilinear and bicubic two, trilinear three) ->
/// [n, c, size..]; size is length * scale_factor, rounded down. bicubic is Keys's kernel with a = -3/4, which may
/// overshoot; area is adaptive_avg_pool. With `antialias` the kernel is as much wider as the result is smaller, a is -1/2, and
/// weights beyond the ends are left out (ValueError with align_corners).
Tensor interpolate(In x, const InterpolateOptions& options);

}  // namespace newtape
