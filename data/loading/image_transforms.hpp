// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

/// Transforms of images for `Dataset::map`, e.g. `compose({random_horizontal_flip(), random_crop(28, 28, {.padding =
/// 2})})`, and functions of one image or many, [.., h, w], e.g. `resize(image, 224, 224)`. Definitions are torchvision's
/// and Pillow's. Images are floating or bytes (u8), which are computed as floats, rounded and cut off. Batches are [n, h, w] or [n, .., h, w]; random numbers are drawn per example and shared by its channels.
namespace newtape::data {

/// How values between pixels are found. Pixel i is the interval from i to i + 1, and its value that of the centre.
enum class Resampling {
  nearest,   ///< that of the nearest centre
  bilinear,  ///< weights that fall linearly to the next centre
  bicubic,   ///< Keys' cubic convolution (1981); may leave the range of the values
  area,      ///< the mean over the area of the new pixel
};

struct ResizeOptions {
  Resampling mode = Resampling::bilinear;
  bool antialias = true;  ///< bilinear, bicubic: widens the weights where the image shrinks, as Pillow and PyTorch do
  std::size_t array = 0;  ///< of the batch, for the transform
};
/// Resizes images. With a single length, to this length of the shorter side, keeping the proportions (the longer
/// side is rounded down). ValueError for lengths below 1, ShapeError for empty images.
Array resize(const ArrayLike& images, std::int64_t height, std::int64_t width, const ResizeOptions& options = {});
Array resize(const ArrayLike& images, std::int64_t shorter, const ResizeOptions& options = {});
Transform resize(std::int64_t height, std::int64_t width, const ResizeOptions& options = {});
Transform resize(std::int64_t shorter, const ResizeOptions& options = {});

/// The middle of images, with zeros around those that are smaller.
Array center_crop(const ArrayLike& images, std::int64_t height, std::int64_t width);
Transform center_crop(std::int64_t height, std::int64_t width, std::size_t array = 0);

struct RandomCropOptions {
  std::int64_t padding = 0;  ///< pixels of `fill` added on all four sides
  double fill = 0;
  std::size_t array = 0;
};
/// A crop of this size, uniformly distributed within the padded image.
Transform random_crop(std::int64_t height, std::int64_t width, const RandomCropOptions& options = {});

struct RandomResizedCropOptions {
  double min_area = 0.08, max_area = 1;                 ///< fractions of the image area
  double min_ratio = 3.0 / 4.0, max_ratio = 4.0 / 3.0;  ///< width / height
  ResizeOptions resize = {};                            ///< `array` among them
};
/// A crop of random size and proportions, resized (Szegedy et al. 2015); if ten attempts do not fit, the middle.
Transform random_resized_crop(std::int64_t height, std::int64_t width, const RandomResizedCropOptions& options = {});

/// Mirrors left-right or upside down with probability p.
Transform random_horizontal_flip(double p = 0.5, std::size_t array = 0);
Transform random_vertical_flip(double p = 0.5, std::size_t array = 0);

struct RandomErasingOptions {
  double p = 0.5;                           ///< probability that a rectangle of an image is erased
  double min_area = 0.02, max_area = 0.33;  ///< fractions of the image area
  double min_ratio = 0.3, max_ratio = 3.3;  ///< height / width
  double value = 0;
  std::size_t array = 0;
};
/// Fills a rectangle of random size and position (Zhong et al. 2017, with PyTorch's ranges); the image is unchanged if
/// ten attempts yield none that fits.
Transform random_erasing(const RandomErasingOptions& options = {});

struct AffineOptions {
  double degrees = 0;                       ///< rotation about the centre, counter-clockwise
  double translate_y = 0, translate_x = 0;  ///< pixels, downwards and to the right
  double scale = 1;                         ///< above 0
  double shear_y = 0, shear_x = 0;          ///< degrees
  Resampling mode = Resampling::bilinear;   ///< or nearest
  double fill = 0;                          ///< outside of the image
};
/// Shears, scales, rotates and moves images within their frame. ValueError.
Array affine(const ArrayLike& images, const AffineOptions& options);
/// Rotates about the centre, counter-clockwise, within the frame: `affine(images, {.degrees = degrees})`.
Array rotate(const ArrayLike& images, double degrees, Resampling mode = Resampling::bilinear, double fill = 0);

struct RandomAffineOptions {
  double degrees = 0;                       ///< rotation by -degrees to degrees
  double translate_y = 0, translate_x = 0;  ///< largest fraction of height and width, in both directions
  double min_scale = 1, max_scale = 1;
  double shear_y = 0, shear_x = 0;  ///< degrees, in both directions
  Resampling mode = Resampling::bilinear;
  double fill = 0;
  std::size_t array = 0;
};
/// `affine` with uniformly distributed options.
Transform random_affine(const RandomAffineOptions& options);
/// Rotation by -degrees to degrees; the other fields of the options as given.
Transform random_rotation(double degrees, RandomAffineOptions options = {});

// Colours: images in [0, 1] or of bytes, to which results are clipped; grey [.., h, w] and [.., 1, h, w], or RGB
// [.., 3, h, w] for those that say so. The factor is at least 0: 1 leaves the image unchanged (hue: 0).

/// Multiplies by the factor.
Array adjust_brightness(const ArrayLike& images, double factor);
/// Differences from the mean grey of each image, multiplied.
Array adjust_contrast(const ArrayLike& images, double factor);
/// Differences from the grey of each pixel of RGB images, multiplied: 0 is grey.
Array adjust_saturation(const ArrayLike& images, double factor);
/// Turns the hue of RGB images by -0.5 to 0.5 of the colour circle.
Array adjust_hue(const ArrayLike& images, double turn);
/// RGB images [.., 3, h, w] as grey [.., 1, h, w]: 0.299 r + 0.587 g + 0.114 b.
Array rgb_to_grayscale(const ArrayLike& images);

struct ColorJitterOptions {
  double brightness = 0, contrast = 0, saturation = 0;  ///< factors from max(0, 1 - x) to 1 + x
  double hue = 0;                                       ///< turns from -x to x; at most 0.5
  std::size_t array = 0;
};
/// Adjusts brightness, contrast, saturation and hue in random order by random factors. Batches [n, h, w] and
/// [n, 1, h, w] have no colours: their saturation and hue stay.
Transform color_jitter(const ColorJitterOptions& options);
/// Replaces the channels of RGB images [n, 3, h, w] by their grey with probability p.
Transform random_grayscale(double p = 0.1, std::size_t array = 0);

struct MakeGridOptions {
  std::int64_t columns = 8;
  std::int64_t padding = 2;  ///< pixels between images
  double fill = 0;           ///< of padding and empty places
};
/// Images [n, h, w] or [n, c, h, w] side by side on one, [H, W] or [c, H, W], row by row. ValueError, ShapeError.
Array make_grid(const ArrayLike& images, const MakeGridOptions& options = {});

}  // namespace newtape::data
