// SPDX-License-Identifier: BSD-3-Clause
// Changes of colour, as torchvision defines them.
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/image_layout.hpp>
#include <newtape/data/loading/image_transforms.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace newtape::data {
namespace {

template <class T>
T clip(T x) {
  return std::clamp(x, T(0), T(1));
}

template <class T>
T grey_of(T r, T g, T b) {
  return T(0.299) * r + T(0.587) * g + T(0.114) * b;
}

/// The pixels of one image: planes p, p + n and p + 2 n where there are three channels, else one plane.
template <class T>
struct Pixels {
  T* p;
  std::int64_t n;
  bool rgb;

  T grey(std::int64_t i) const { return rgb ? grey_of(p[i], p[i + n], p[i + 2 * n]) : p[i]; }
};

template <class T>
void brightness(const Pixels<T>& x, double factor) {
  for (std::int64_t i = 0; i < (x.rgb ? 3 : 1) * x.n; ++i) x.p[i] = clip(static_cast<T>(factor) * x.p[i]);
}

template <class T>
void contrast(const Pixels<T>& x, double factor) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.n; ++i) sum += static_cast<double>(x.grey(i));
  const T mean = static_cast<T>(sum / static_cast<double>(x.n));
  for (std::int64_t i = 0; i < (x.rgb ? 3 : 1) * x.n; ++i) {
    x.p[i] = clip(mean + static_cast<T>(factor) * (x.p[i] - mean));
  }
}

template <class T>
void saturation(const Pixels<T>& x, double factor) {
  if (!x.rgb) return;
  for (std::int64_t i = 0; i < x.n; ++i) {
    const T grey = x.grey(i);
    for (T* p = x.p + i; p <= x.p + i + 2 * x.n; p += x.n) *p = clip(grey + static_cast<T>(factor) * (*p - grey));
  }
}

/// Turns each colour on the hexagon of HSV (Smith 1978), keeping its largest and smallest channel.
template <class T>
void hue(const Pixels<T>& x, double turn) {
  if (!x.rgb) return;
  for (std::int64_t i = 0; i < x.n; ++i) {
    const T r = x.p[i];
    const T g = x.p[i + x.n];
    const T b = x.p[i + 2 * x.n];
    const T high = std::max({r, g, b});
    const T low = std::min({r, g, b});
    const T chroma = high - low;
    if (!(chroma > 0)) continue;  // grey has no hue
    // In sixths of the circle.
    const T h = high == r ? (g - b) / chroma : high == g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const T turned = h + static_cast<T>(6 * turn);
    const auto channel = [&](T offset) {  // 1 - |(h + offset) mod 6 - 2|, from 0 to 1, falls from the channel's own hue
      T k = std::fmod(turned + offset, T(6));
      if (k < 0) k += 6;
      return high - chroma * std::clamp(std::min(k, 4 - k), T(0), T(1));
    };
    x.p[i] = channel(5);
    x.p[i + x.n] = channel(3);
    x.p[i + 2 * x.n] = channel(1);
  }
}

/// Whether the images [.., c, h, w] have three channels; if grey ones are allowed, others have one or no channel axis.
bool has_colours(const char* op, const Array& x, bool grey_allowed, std::size_t example_axes) {
  if (x.dtype() != u8) expect_floating(op, x);
  const bool channels = x.ndim() > 2 + example_axes;
  const auto c = channels ? x.shape(-3) : 1;
  if (c != 3 && (!grey_allowed || c != 1)) {
    raise<ShapeError>(fmt::format("{}: wrong number of channels", op),
                      grey_allowed ? "[.., h, w], [.., 1, h, w] or [.., 3, h, w]" : "[.., 3, h, w]",
                      to_string(x.shape()));
  }
  return c == 3;
}

void check_factor(const char* op, double factor) {
  if (!(factor >= 0 && std::isfinite(factor))) {
    raise<ValueError>(fmt::format("{}: invalid factor", op), "at least 0", fmt::format("{}", factor));
  }
}

/// Calls change(pixels) for each image, in a copy of them.
template <class Change>
Array change_images(Array images, bool rgb, Change change) {
  return detail::through_floats(std::move(images), 1, [&](Array floats) {
    Array x = detail::writable(std::move(floats));
    const auto plane = x.shape(-2) * x.shape(-1);
    const auto size = plane * (rgb ? 3 : 1);
    if (size == 0) return x;
    const auto run = [&]<class T>(T* p) {
      for (std::int64_t i = 0; i < x.size() / size; ++i) change(Pixels<T>{p + i * size, plane, rgb});
    };
    x.dtype() == f64 ? run(x.data<double>()) : run(x.data<float>());
    return x;
  });
}

/// An image with a channel axis that is not 3 is grey: a stack of images without this axis looks the same.
bool rgb_or_grey(const char* op, const ArrayLike& images) {
  static_cast<void>(detail::image_layout(op, images));
  if (images.dtype() != u8) expect_floating(op, images);
  return images.ndim() > 2 && images.shape(-3) == 3;
}

/// Numbers that a jitter draws for an example.
struct Jitter {
  std::array<int, 4> order{0, 1, 2, 3};
  std::array<double, 4> amount{};
};

Jitter draw_jitter(const ColorJitterOptions& o, Generator& generator) {
  Jitter j;
  for (std::size_t i = 3; i > 0; --i) {
    std::swap(j.order[i], j.order[static_cast<std::size_t>(detail::uniform_integer(generator, static_cast<int>(i)))]);
  }
  const auto factor = [&](double x) { return detail::uniform(generator, std::max(0.0, 1 - x), 1 + x); };
  j.amount = {factor(o.brightness), factor(o.contrast), factor(o.saturation),
              detail::uniform(generator, -o.hue, o.hue)};
  return j;
}

}  // namespace

Array adjust_brightness(const ArrayLike& images, double factor) {
  check_factor("adjust_brightness", factor);
  return change_images(images, rgb_or_grey("adjust_brightness", images), [&](const auto& x) { brightness(x, factor); });
}

Array adjust_contrast(const ArrayLike& images, double factor) {
  check_factor("adjust_contrast", factor);
  return change_images(images, rgb_or_grey("adjust_contrast", images), [&](const auto& x) { contrast(x, factor); });
}

Array adjust_saturation(const ArrayLike& images, double factor) {
  check_factor("adjust_saturation", factor);
  return change_images(images, has_colours("adjust_saturation", images, false, 0),
                       [&](const auto& x) { saturation(x, factor); });
}

Array adjust_hue(const ArrayLike& images, double turn) {
  if (!(std::abs(turn) <= 0.5)) {
    raise<ValueError>("adjust_hue: turn out of range", "-0.5 to 0.5", fmt::format("{}", turn));
  }
  return change_images(images, has_colours("adjust_hue", images, false, 0), [&](const auto& x) { hue(x, turn); });
}

Array rgb_to_grayscale(const ArrayLike& images) {
  has_colours("rgb_to_grayscale", images, false, 0);
  if (images.dtype() == u8)
    return detail::through_floats(images, 255, [](const Array& x) { return rgb_to_grayscale(x); });
  const Array x = core::contiguous(images);
  Shape shape = x.shape();
  shape[shape.size() - 3] = 1;
  Array y = Array::empty(shape, x.dtype());
  const auto plane = x.shape(-2) * x.shape(-1);
  const auto run = [&]<class T>(T* to) {
    const T* p = x.data<T>();
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const T* at = p + i / plane * 3 * plane + i % plane;
      to[i] = grey_of(at[0], at[plane], at[2 * plane]);
    }
  };
  x.dtype() == f64 ? run(y.data<double>()) : run(y.data<float>());
  return y;
}

Transform color_jitter(const ColorJitterOptions& options) {
  const auto valid = [](double x) { return x >= 0 && std::isfinite(x); };
  if (!(valid(options.brightness) && valid(options.contrast) && valid(options.saturation) && valid(options.hue) &&
        options.hue <= 0.5)) {
    raise<ValueError>("color_jitter: invalid ranges", "numbers of 0 or more, hue at most 0.5",
                      fmt::format("brightness {}, contrast {}, saturation {}, hue {}", options.brightness,
                                  options.contrast, options.saturation, options.hue));
  }
  return on(options.array, [o = options](Array x, Generator& generator) {
    static_cast<void>(detail::batch_layout("color_jitter", x));
    const bool rgb = has_colours("color_jitter", x, true, 1);
    return change_images(std::move(x), rgb, [&](const auto& image) {
      const Jitter j = draw_jitter(o, generator);
      for (const int k : j.order) {
        if (k == 0 && o.brightness > 0) brightness(image, j.amount[0]);
        if (k == 1 && o.contrast > 0) contrast(image, j.amount[1]);
        if (k == 2 && o.saturation > 0) saturation(image, j.amount[2]);
        if (k == 3 && o.hue > 0) hue(image, j.amount[3]);
      }
    });
  });
}

Transform random_grayscale(double p, std::size_t array) {
  detail::check_probability("random_grayscale", p);
  return on(array, [p](Array x, Generator& generator) {
    static_cast<void>(detail::batch_layout("random_grayscale", x));
    has_colours("random_grayscale", x, false, 1);
    return change_images(std::move(x), true, [&](const auto& image) {
      if (detail::uniform(generator) < p) saturation(image, 0);
    });
  });
}

}  // namespace newtape::data
