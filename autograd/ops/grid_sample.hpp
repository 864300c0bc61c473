// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Sampling of images at places between pixels, as in PyTorch.
namespace newtape {

/// How the values between pixels are found.
enum class GridSampleMode { bilinear, nearest, bicubic };
/// Places outside of the image: zeros, its edge, or the image mirrored at its edges.
enum class GridPadding { zeros, border, reflection };

struct GridSampleOptions {
  GridSampleMode mode = GridSampleMode::bilinear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres, not the edges, of the first and the last pixel
};

/// x [n, c, h, w] at grid [n, rows, columns, 2] of places (x, y) in [-1, 1] -> [n, c, rows, columns]; or x [n, c, d, h, w] at
/// grid [n, .., .., .., 3] of (x, y, z), and x [n, c, l] at grid [n, .., 1]. bilinear is linear along each axis; bicubic is
/// Keys's kernel with a = -3/4. Differentiable in both but for `nearest`, where the grid has no derivative.
Tensor grid_sample(In x, In grid, const GridSampleOptions& options = {});

/// The grid of affine maps theta [n, 2, 3] for images of `size` {n, c, h, w}: [n, h, w, 2], or theta [n, 3, 4] and {n, c, d, h,
/// w}: [n, d, h, w, 3]. Element (x, y, 1) theta^T for each place of the output.
Tensor affine_grid(In theta, const Shape& size, bool align_corners = false);

}  // namespace newtape
