// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/per_axis.hpp>
#include <newtape/autograd/tensor.hpp>

#include <cstdint>

/// Boxes in images: what is in them, and which of them to keep, as in torchvision.
namespace newtape {

/// How a bin of roi_align is made of its samples.
enum class RoiAlignMode { mean, max };

struct RoiAlignOptions {
  PerAxis output_size = 1;          ///< rows and columns of bins
  double spatial_scale = 1;         ///< pixels of x for a unit of the boxes
  std::int64_t sampling_ratio = 0;  ///< samples of a bin along each axis; 0: as many as it has pixels, rounded up
  bool aligned =
      false;  ///< whether 0 is the edge of the first pixel and not its centre; boxes may then be below one pixel
  RoiAlignMode mode = RoiAlignMode::mean;
};

/// The parts of images x [n, c, h, w] in boxes [k, 4] of (x1, y1, x2, y2), box i in image `images`[i] (i64 [k]):
/// [k, c, rows, columns], of samples by bilinear interpolation (He et al. 2017, Mask R-CNN). Samples more than a pixel outside
/// of the image are 0. Differentiable in x. ShapeError, DTypeError; ValueError for an image that there is not.
Tensor roi_align(In x, const Tensor& boxes, const Tensor& images, const RoiAlignOptions& options = {});

/// Non-maximum suppression: the indices, i64, of the boxes [k, 4] of (x1, y1, x2, y2) that stay when each of them, by
/// decreasing score [k], removes those that overlap it by more than the threshold: intersection over union, in f64. In this
/// order. ShapeError, DTypeError; ValueError for a score that is NaN, and boxes that are not finite.
Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold,
           SourceLocation location = SourceLocation::current());

}  // namespace newtape
