// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::data {
namespace {

/// A batch of images: n examples of `planes` (channels etc.), each of h rows of w pixels.
struct Layout {
  std::int64_t n, planes, h, w;
};

Layout layout(const char* op, const Array& x) {
  if (x.ndim() < 3) {
    raise<ShapeError>(fmt::format("{}: the array must hold images", op), "[n, .., h, w]", to_string(x.shape()));
  }
  Layout l{x.shape(0), 1, x.shape(-2), x.shape(-1)};
  for (std::size_t axis = 1; axis + 2 < x.ndim(); ++axis) l.planes *= x.shape()[axis];
  return l;
}

void check_probability(const char* op, double p) {
  if (!(p >= 0 && p <= 1)) {
    raise<ValueError>(fmt::format("{}: probability out of range", op), "p from 0 to 1", fmt::format("{}", p));
  }
}

/// Uniform in [0, 1), from the next 64 bits of the generator.
double uniform(Generator& generator) { return std::ldexp(static_cast<double>(generator.next() >> 11), -53); }
/// Uniform in [0, max].
std::int64_t integer(Generator& generator, std::int64_t max) {
  return std::min(max, static_cast<std::int64_t>(uniform(generator) * static_cast<double>(max + 1)));
}

/// Calls `f` with a value of the element type.
template <class F>
void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case f32: f(float()); break;
    case f64: f(double()); break;
    case i64: f(std::int64_t()); break;
    default: f(bool());
  }
}

/// The array itself if reusable, else a copy.
Array writable(Array x) {
  if (x.reusable()) return x;
  Array y = Array::empty(x.shape(), x.dtype());
  const Array dense = core::contiguous(std::move(x));
  with_type(y.dtype(), [&]<class T>(T) { std::copy_n(dense.data<T>(), dense.size(), y.data<T>()); });
  return y;
}

/// Calls change(first pixel of a plane, layout) for all planes of the examples selected with probability p.
template <class Change>
Array change_some(const char* op, Array batch, double p, Generator& generator, Change change) {
  const auto l = layout(op, batch);
  Array x = writable(std::move(batch));
  with_type(x.dtype(), [&]<class T>(T) {
    for (std::int64_t i = 0; i < l.n; ++i) {
      if (uniform(generator) >= p) continue;
      for (std::int64_t c = 0; c < l.planes; ++c) change(x.data<T>() + (i * l.planes + c) * l.h * l.w, l);
    }
  });
  return x;
}

struct Rectangle {
  std::int64_t top, left, h, w;
};

/// h = w = 0 if no fitting rectangle was found.
Rectangle draw_rectangle(const Layout& l, const RandomErasingOptions& o, Generator& generator) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(l.h * l.w) * (o.min_area + (o.max_area - o.min_area) * uniform(generator));
    const double low = std::log(o.min_ratio);
    const double ratio = std::exp(low + (std::log(o.max_ratio) - low) * uniform(generator));
    const auto h = std::llround(std::sqrt(area * ratio));
    const auto w = std::llround(std::sqrt(area / ratio));
    if (h < l.h && w < l.w) return {integer(generator, l.h - h), integer(generator, l.w - w), h, w};
  }
  return {0, 0, 0, 0};
}

}  // namespace

Transform random_crop(std::int64_t height, std::int64_t width, const RandomCropOptions& options) {
  if (height < 1 || width < 1 || options.padding < 0) {
    raise<ValueError>("random_crop: invalid size or padding", "height >= 1, width >= 1, padding >= 0",
                      fmt::format("{} x {}, padding {}", height, width, options.padding));
  }
  return on(options.array, [height, width, o = options](Array batch, Generator& generator) {
    const auto l = layout("random_crop", batch);
    const auto room_y = l.h + 2 * o.padding - height;
    const auto room_x = l.w + 2 * o.padding - width;
    if (room_y < 0 || room_x < 0) {
      raise<ShapeError>("random_crop: the image is smaller than the crop",
                        fmt::format("[n, .., {}, {}] or larger, padding included", height, width),
                        to_string(batch.shape()));
    }
    Shape shape = batch.shape();
    shape[shape.size() - 2] = height;
    shape[shape.size() - 1] = width;
    const Array x = core::contiguous(std::move(batch));
    Array y = Array::empty(shape, x.dtype());
    with_type(x.dtype(), [&]<class T>(T) {
      const auto fill = static_cast<T>(o.fill);
      T* to = y.data<T>();
      for (std::int64_t i = 0; i < l.n; ++i) {
        const auto top = integer(generator, room_y) - o.padding;
        const auto left = integer(generator, room_x) - o.padding;
        // Columns left of, inside and right of the image.
        const auto start = std::clamp<std::int64_t>(-left, 0, width);
        const auto stop = std::clamp<std::int64_t>(l.w - left, start, width);
        for (std::int64_t c = 0; c < l.planes; ++c) {
          const T* plane = x.data<T>() + (i * l.planes + c) * l.h * l.w;
          for (std::int64_t row = top; row < top + height; ++row, to += width) {
            if (row < 0 || row >= l.h) {
              std::fill_n(to, width, fill);
              continue;
            }
            std::fill(to, to + start, fill);
            if (start < stop) std::copy_n(plane + row * l.w + left + start, stop - start, to + start);
            std::fill(to + stop, to + width, fill);
          }
        }
      }
    });
    return y;
  });
}

Transform random_horizontal_flip(double p, std::size_t array) {
  check_probability("random_horizontal_flip", p);
  return on(array, [p](Array x, Generator& generator) {
    return change_some("random_horizontal_flip", std::move(x), p, generator, [](auto* plane, const Layout& l) {
      for (std::int64_t row = 0; row < l.h; ++row) std::reverse(plane + row * l.w, plane + (row + 1) * l.w);
    });
  });
}

Transform random_vertical_flip(double p, std::size_t array) {
  check_probability("random_vertical_flip", p);
  return on(array, [p](Array x, Generator& generator) {
    return change_some("random_vertical_flip", std::move(x), p, generator, [](auto* plane, const Layout& l) {
      for (std::int64_t row = 0; row < l.h / 2; ++row) {
        std::swap_ranges(plane + row * l.w, plane + (row + 1) * l.w, plane + (l.h - 1 - row) * l.w);
      }
    });
  });
}

Transform random_erasing(const RandomErasingOptions& options) {
  check_probability("random_erasing", options.p);
  if (!(options.min_area >= 0 && options.min_area <= options.max_area && options.max_area <= 1 &&
        options.min_ratio > 0 && options.min_ratio <= options.max_ratio && std::isfinite(options.max_ratio))) {
    raise<ValueError>("random_erasing: invalid ranges", "0 <= min_area <= max_area <= 1 and 0 < min_ratio <= max_ratio",
                      fmt::format("areas {} to {}, ratios {} to {}", options.min_area, options.max_area,
                                  options.min_ratio, options.max_ratio));
  }
  return on(options.array, [o = options](Array batch, Generator& generator) {
    const auto l = layout("random_erasing", batch);
    Array x = writable(std::move(batch));
    with_type(x.dtype(), [&]<class T>(T) {
      for (std::int64_t i = 0; i < l.n; ++i) {
        if (uniform(generator) >= o.p) continue;
        const auto r = draw_rectangle(l, o, generator);
        for (std::int64_t c = 0; c < l.planes; ++c) {
          T* plane = x.data<T>() + (i * l.planes + c) * l.h * l.w;
          for (auto row = r.top; row < r.top + r.h; ++row) {
            std::fill_n(plane + row * l.w + r.left, r.w, static_cast<T>(o.value));
          }
        }
      }
    });
    return x;
  });
}

}  // namespace newtape::data
