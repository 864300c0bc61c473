// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

#include <string_view>
#include <vector>

/// Images of other sizes, as in PyTorch.
namespace newtape {

struct InterpolateOptions {
  PerAxis size = {};                      ///< of the spatial axes of the result; this or scale_factor
  std::vector<double> scale_factor = {};  ///< for all spatial axes, or for each
  std::string_view mode = "nearest";      ///< nearest, nearest-exact, linear, bilinear, trilinear, bicubic or area
  bool align_corners = false;             ///< linear, cubic: the outermost elements (not their edges) stay in place
};

/// x [n, c, spatial..] with one to three spatial axes (linear one, bilinear and bicubic two, trilinear three) ->
/// [n, c, size..]; size is length * scale_factor, rounded down. bicubic is Keys's kernel with a = -3/4, which may
/// overshoot; area is adaptive_avg_pool.
Tensor interpolate(In x, const InterpolateOptions& options);

}  // namespace newtape
