// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <span>

/// Resizing along any axes, by all rules of ONNX's Resize. For images as in PyTorch: interpolate.
namespace newtape {

/// The element at a place of the input: the nearest one; linear interpolation along each axis; Keys's cubic kernel.
enum class ResizeMode { nearest, linear, cubic };

/// The place in the input of element i of the output, for `size` elements of `length`, with s = scale:
/// (i + 1/2) / s - 1/2; the same about the middle of the input; the same but 0 if size is 1; i (length - 1) / (size - 1);
/// i / s; (i + 1/2) / s; or from `begin` to `end` of length - 1, where elements outside of the input are `extrapolation`.
enum class ResizeCoordinates {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize
};

/// Which element is the nearest to a place.
enum class ResizeRounding { round_prefer_floor, round_prefer_ceil, floor, ceil };

struct ResizeAxesOptions {
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
  ResizeRounding rounding = ResizeRounding::round_prefer_floor;  ///< nearest
  double cubic_a = -0.75;                                        ///< cubic: the kernel's parameter
  bool exclude_outside = false;  ///< weights beyond the ends are 0, and the others sum to 1
  bool antialias = false;        ///< a smaller result is of weighted means
  double extrapolation = 0;      ///< tf_crop_and_resize
};

/// One axis that is resized.
struct ResizedAxis {
  std::int64_t axis;
  std::int64_t size;  ///< of the result
  double scale = 0;   ///< of the coordinates; 0: size / length
  double begin = 0;   ///< tf_crop_and_resize: the part of the input, where 0 and 1 are the first and the last element
  double end = 1;
};

/// x with these axes resized, one after the other; integers are rounded to the nearest, ties to even. ValueError for a size, a
/// scale or an empty axis that has no meaning.
Tensor resize_axes(In x, std::span<const ResizedAxis> axes, const ResizeAxesOptions& options = {});

}  // namespace newtape
