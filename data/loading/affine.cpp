// SPDX-License-Identifier: BSD-3-Clause
// Rotations and other affine maps of images.
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/image_layout.hpp>
#include <newtape/data/loading/image_transforms.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace newtape::data {
namespace {

/// From a new pixel, relative to the centre, to the old one: (xx x + xy y + x0, yx x + yy y + y0).
struct PixelMap {
  double xx, xy, x0, yx, yy, y0;
};

/// The inverse of translation, rotation, shear and scale, applied from the last to the first (torchvision's
/// _get_inverse_affine_matrix; its angle is clockwise).
PixelMap inverse_map(const AffineOptions& o) {
  const double rad = std::numbers::pi / 180;
  const double rotation = -o.degrees * rad;
  const double shear_x = o.shear_x * rad;
  const double shear_y = o.shear_y * rad;
  const double a = std::cos(rotation - shear_y) / std::cos(shear_y);
  const double b = -std::cos(rotation - shear_y) * std::tan(shear_x) / std::cos(shear_y) - std::sin(rotation);
  const double c = std::sin(rotation - shear_y) / std::cos(shear_y);
  const double d = -std::sin(rotation - shear_y) * std::tan(shear_x) / std::cos(shear_y) + std::cos(rotation);
  PixelMap m{d / o.scale, -b / o.scale, 0, -c / o.scale, a / o.scale, 0};
  m.x0 = -(m.xx * o.translate_x + m.xy * o.translate_y);
  m.y0 = -(m.yx * o.translate_x + m.yy * o.translate_y);
  return m;
}

void check_affine(const char* op, const AffineOptions& o) {
  const bool finite = std::isfinite(o.degrees) && std::isfinite(o.translate_y) && std::isfinite(o.translate_x) &&
                      std::isfinite(o.shear_x) && std::isfinite(o.shear_y) && std::isfinite(o.scale);
  if (!finite || !(o.scale > 0) || std::abs(o.shear_x) >= 90 || std::abs(o.shear_y) >= 90) {
    raise<ValueError>(fmt::format("{}: invalid options", op), "finite numbers, scale above 0, shears below 90 degrees",
                      fmt::format("degrees {}, translations {} and {}, scale {}, shears {} and {}", o.degrees,
                                  o.translate_y, o.translate_x, o.scale, o.shear_y, o.shear_x));
  }
  if (o.mode != Resampling::nearest && o.mode != Resampling::bilinear) {
    raise<ValueError>(fmt::format("{}: this resampling is only for resize", op), "nearest or bilinear");
  }
}

/// Warps all planes of an image.
template <class T>
void warp(const T* from, T* to, const detail::PlanesLayout& l, const PixelMap& m, Resampling mode, T fill) {
  const double middle_x = static_cast<double>(l.w) / 2;
  const double middle_y = static_cast<double>(l.h) / 2;
  const auto pixel = [&](const T* plane, std::int64_t y, std::int64_t x) {
    return y < 0 || y >= l.h || x < 0 || x >= l.w ? fill : plane[y * l.w + x];
  };
  for (std::int64_t y = 0; y < l.h; ++y) {
    for (std::int64_t x = 0; x < l.w; ++x, ++to) {
      const double dx = static_cast<double>(x) + 0.5 - middle_x;
      const double dy = static_cast<double>(y) + 0.5 - middle_y;
      // Coordinates of the old pixel's centre; far outside, all are the same.
      const double limit = 2 * static_cast<double>(l.h + l.w) + 2;
      const double u = std::clamp(m.xx * dx + m.xy * dy + m.x0 + middle_x - 0.5, -limit, limit);
      const double v = std::clamp(m.yx * dx + m.yy * dy + m.y0 + middle_y - 0.5, -limit, limit);
      if (mode == Resampling::nearest) {
        const auto row = static_cast<std::int64_t>(std::nearbyint(v));  // half to even, as grid_sample
        const auto column = static_cast<std::int64_t>(std::nearbyint(u));
        for (std::int64_t c = 0; c < l.planes; ++c) to[c * l.plane()] = pixel(from + c * l.plane(), row, column);
        continue;
      }
      const double top = std::floor(v);
      const double left = std::floor(u);
      const auto row = static_cast<std::int64_t>(top);
      const auto column = static_cast<std::int64_t>(left);
      const T fy = static_cast<T>(v - top);
      const T fx = static_cast<T>(u - left);
      for (std::int64_t c = 0; c < l.planes; ++c) {
        const T* plane = from + c * l.plane();
        to[c * l.plane()] = (1 - fy) * ((1 - fx) * pixel(plane, row, column) + fx * pixel(plane, row, column + 1)) +
                            fy * ((1 - fx) * pixel(plane, row + 1, column) + fx * pixel(plane, row + 1, column + 1));
      }
    }
  }
}

/// Warps all planes of example i.
void warp_example(const Array& x, Array& y, std::int64_t i, const detail::PlanesLayout& l, const AffineOptions& o) {
  const auto run = [&]<class T>(T* to) {
    const auto offset = i * l.planes * l.plane();
    warp(x.data<T>() + offset, to + offset, l, inverse_map(o), o.mode, static_cast<T>(o.fill));
  };
  x.dtype() == f64 ? run(y.data<double>()) : run(y.data<float>());
}

/// Each example of the batch by options of its own.
Array warp_randomly(const Array& batch, const RandomAffineOptions& o, Generator& generator) {
  const auto l = detail::batch_layout("random_affine", batch);
  expect_floating("random_affine", batch);
  const Array x = core::contiguous(batch);
  Array y = Array::empty(x.shape(), x.dtype());
  const auto both = [&](double most) { return detail::uniform(generator, -most, most); };
  for (std::int64_t i = 0; i < l.n; ++i) {
    AffineOptions drawn{.mode = o.mode, .fill = o.fill};
    drawn.degrees = both(o.degrees);
    drawn.translate_y = std::nearbyint(both(o.translate_y * static_cast<double>(l.h)));  // whole pixels
    drawn.translate_x = std::nearbyint(both(o.translate_x * static_cast<double>(l.w)));
    drawn.scale = detail::uniform(generator, o.min_scale, o.max_scale);
    drawn.shear_y = both(o.shear_y);
    drawn.shear_x = both(o.shear_x);
    warp_example(x, y, i, l, drawn);
  }
  return y;
}

}  // namespace

Array affine(const ArrayLike& images, const AffineOptions& options) {
  check_affine("affine", options);
  const auto l = detail::image_layout("affine", images);
  if (images.dtype() == u8) {
    return detail::through_floats(images, 255, [&](const Array& x) { return affine(x, options); });
  }
  expect_floating("affine", images);
  const Array x = core::contiguous(images);
  Array y = Array::empty(x.shape(), x.dtype());
  warp_example(x, y, 0, l, options);
  return y;
}

Array rotate(const ArrayLike& images, double degrees, Resampling mode, double fill) {
  return affine(images, {.degrees = degrees, .mode = mode, .fill = fill});
}

Transform random_affine(const RandomAffineOptions& options) {
  const auto& o = options;
  check_affine("random_affine",
               {o.degrees, o.translate_y, o.translate_x, o.min_scale, o.shear_y, o.shear_x, o.mode, o.fill});
  const auto fraction = [](double x) { return x >= 0 && x <= 1; };
  if (!(o.degrees >= 0 && fraction(o.translate_y) && fraction(o.translate_x) && o.min_scale <= o.max_scale &&
        std::isfinite(o.max_scale) && o.shear_y >= 0 && o.shear_x >= 0)) {
    raise<ValueError>("random_affine: invalid ranges",
                      "degrees and shears of 0 or more, translations from 0 to 1, 0 < min_scale <= max_scale",
                      fmt::format("degrees {}, translations {} and {}, scales {} to {}, shears {} and {}", o.degrees,
                                  o.translate_y, o.translate_x, o.min_scale, o.max_scale, o.shear_y, o.shear_x));
  }
  return on(options.array, [o = options](const Array& batch, Generator& generator) {
    return detail::through_floats(batch, 255, [&](const Array& x) { return warp_randomly(x, o, generator); });
  });
}

Transform random_rotation(double degrees, RandomAffineOptions options) {
  options.degrees = degrees;
  return random_affine(options);
}

}  // namespace newtape::data
