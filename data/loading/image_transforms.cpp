// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/loading/image_layout.hpp>
#include <newtape/data/loading/image_transforms.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace newtape::data {
namespace {

using detail::batch_layout;
using detail::check_probability;
using detail::PlanesLayout;
using detail::uniform;
using detail::uniform_integer;
using detail::with_size;
using detail::with_type;
using detail::writable;

/// Calls change(first pixel of a plane, layout) for all planes of the examples selected with probability p.
template <class Change>
Array change_some(const char* op, Array batch, double p, Generator& generator, Change change) {
  const auto l = batch_layout(op, batch);
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
Rectangle draw_rectangle(const PlanesLayout& l, const RandomErasingOptions& o, Generator& generator) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(l.h * l.w) * (o.min_area + (o.max_area - o.min_area) * uniform(generator));
    const double low = std::log(o.min_ratio);
    const double ratio = std::exp(low + (std::log(o.max_ratio) - low) * uniform(generator));
    const auto h = std::llround(std::sqrt(area * ratio));
    const auto w = std::llround(std::sqrt(area / ratio));
    if (h < l.h && w < l.w) return {uniform_integer(generator, l.h - h), uniform_integer(generator, l.w - w), h, w};
  }
  return {0, 0, 0, 0};
}

/// torchvision's RandomResizedCrop.get_params.
Rectangle draw_crop(const PlanesLayout& l, const RandomResizedCropOptions& o, Generator& generator) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(l.plane()) * uniform(generator, o.min_area, o.max_area);
    const double ratio = std::exp(uniform(generator, std::log(o.min_ratio), std::log(o.max_ratio)));
    const auto w = std::llround(std::sqrt(area * ratio));
    const auto h = std::llround(std::sqrt(area / ratio));
    if (h < 1 || w < 1 || h > l.h || w > l.w) continue;
    return {uniform_integer(generator, l.h - h), uniform_integer(generator, l.w - w), h, w};
  }
  const double ratio = static_cast<double>(l.w) / static_cast<double>(l.h);
  auto h = l.h;
  auto w = l.w;
  if (ratio < o.min_ratio) h = std::llround(static_cast<double>(l.w) / o.min_ratio);
  if (ratio > o.max_ratio) w = std::llround(static_cast<double>(l.h) * o.max_ratio);
  h = std::clamp<std::int64_t>(h, 1, l.h);
  w = std::clamp<std::int64_t>(w, 1, l.w);
  return {(l.h - h) / 2, (l.w - w) / 2, h, w};
}

}  // namespace

Transform random_crop(std::int64_t height, std::int64_t width, const RandomCropOptions& options) {
  if (height < 1 || width < 1 || options.padding < 0) {
    raise<ValueError>("random_crop: invalid size or padding", "height >= 1, width >= 1, padding >= 0",
                      fmt::format("{} x {}, padding {}", height, width, options.padding));
  }
  return on(options.array, [height, width, o = options](Array batch, Generator& generator) {
    const auto l = batch_layout("random_crop", batch);
    const auto room_y = l.h + 2 * o.padding - height;
    const auto room_x = l.w + 2 * o.padding - width;
    if (room_y < 0 || room_x < 0) {
      raise<ShapeError>("random_crop: the image is smaller than the crop",
                        fmt::format("[n, .., {}, {}] or larger, padding included", height, width),
                        to_string(batch.shape()));
    }
    const Shape shape = with_size(batch.shape(), height, width);
    const Array x = core::contiguous(std::move(batch));
    Array y = Array::empty(shape, x.dtype());
    with_type(x.dtype(), [&]<class T>(T) {
      const auto fill = static_cast<T>(o.fill);
      T* to = y.data<T>();
      for (std::int64_t i = 0; i < l.n; ++i) {
        const auto top = uniform_integer(generator, room_y) - o.padding;
        const auto left = uniform_integer(generator, room_x) - o.padding;
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

Array center_crop(const ArrayLike& images, std::int64_t height, std::int64_t width) {
  detail::check_size("center_crop", height, width);
  const auto l = detail::image_layout("center_crop", images);
  // As torchvision: of the missing pixels half, rounded down, go before; of those cut off half, rounded to even.
  const auto start = [](std::int64_t length, std::int64_t wanted) {
    return length < wanted ? -((wanted - length) / 2) : std::llrint(static_cast<double>(length - wanted) / 2);
  };
  const auto top = start(l.h, height);
  const auto left = start(l.w, width);
  const Array x = core::contiguous(images);
  Array y = core::zeros(with_size(images.shape(), height, width), images.dtype());
  const auto rows = std::min(l.h, height);
  const auto columns = std::min(l.w, width);
  with_type(x.dtype(), [&]<class T>(T) {
    const T* from = x.data<T>() + std::max<std::int64_t>(top, 0) * l.w + std::max<std::int64_t>(left, 0);
    T* to = y.data<T>() + std::max<std::int64_t>(-top, 0) * width + std::max<std::int64_t>(-left, 0);
    for (std::int64_t c = 0; c < l.planes; ++c, from += l.h * l.w, to += height * width) {
      for (std::int64_t row = 0; row < rows; ++row) std::copy_n(from + row * l.w, columns, to + row * width);
    }
  });
  return y;
}

Transform center_crop(std::int64_t height, std::int64_t width, std::size_t array) {
  detail::check_size("center_crop", height, width);
  return on(array, [height, width](const Array& x, Generator&) {
    static_cast<void>(batch_layout("center_crop", x));
    return center_crop(x, height, width);
  });
}

Transform random_resized_crop(std::int64_t height, std::int64_t width, const RandomResizedCropOptions& options) {
  detail::check_size("random_resized_crop", height, width);
  if (!(options.min_area > 0 && options.min_area <= options.max_area && options.max_area <= 1 &&
        options.min_ratio > 0 && options.min_ratio <= options.max_ratio && std::isfinite(options.max_ratio))) {
    raise<ValueError>("random_resized_crop: invalid ranges",
                      "0 < min_area <= max_area <= 1 and 0 < min_ratio <= max_ratio",
                      fmt::format("areas {} to {}, ratios {} to {}", options.min_area, options.max_area,
                                  options.min_ratio, options.max_ratio));
  }
  return on(options.resize.array, [height, width, o = options](const Array& x, Generator& generator) {
    const auto l = batch_layout("random_resized_crop", x);
    std::vector<Array> parts;
    for (std::int64_t i = 0; i < l.n; ++i) {
      const auto r = draw_crop(l, o, generator);
      const Array crop =
          core::slice(core::slice(core::slice(x, 0, i, i + 1), -2, r.top, r.top + r.h), -1, r.left, r.left + r.w);
      parts.push_back(resize(crop, height, width, o.resize));
    }
    return parts.empty() ? Array::empty(with_size(x.shape(), height, width), x.dtype()) : core::concatenate(parts, 0);
  });
}

Transform random_horizontal_flip(double p, std::size_t array) {
  check_probability("random_horizontal_flip", p);
  return on(array, [p](Array x, Generator& generator) {
    return change_some("random_horizontal_flip", std::move(x), p, generator, [](auto* plane, const PlanesLayout& l) {
      for (std::int64_t row = 0; row < l.h; ++row) std::reverse(plane + row * l.w, plane + (row + 1) * l.w);
    });
  });
}

Transform random_vertical_flip(double p, std::size_t array) {
  check_probability("random_vertical_flip", p);
  return on(array, [p](Array x, Generator& generator) {
    return change_some("random_vertical_flip", std::move(x), p, generator, [](auto* plane, const PlanesLayout& l) {
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
    const auto l = batch_layout("random_erasing", batch);
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

Array make_grid(const ArrayLike& images, const MakeGridOptions& options) {
  if (options.columns < 1 || options.padding < 0) {
    raise<ValueError>("make_grid: invalid options", "columns >= 1, padding >= 0",
                      fmt::format("columns {}, padding {}", options.columns, options.padding));
  }
  const auto l = batch_layout("make_grid", images);
  if (l.n == 0 || images.ndim() > 4) {
    raise<ShapeError>("make_grid: the array must hold images", "[n, h, w] or [n, c, h, w], n >= 1",
                      to_string(images.shape()));
  }
  const auto columns = std::min(options.columns, l.n);
  const auto rows = (l.n + columns - 1) / columns;
  const auto height = rows * l.h + (rows - 1) * options.padding;
  const auto width = columns * l.w + (columns - 1) * options.padding;
  const Array x = core::contiguous(images);
  const Shape shape = images.ndim() == 3 ? Shape{height, width} : Shape{l.planes, height, width};
  Array y = core::full(shape, options.fill, x.dtype(), "make_grid");
  with_type(x.dtype(), [&]<class T>(T) {
    const T* from = x.data<T>();
    for (std::int64_t i = 0; i < l.n; ++i) {
      const auto top = i / columns * (l.h + options.padding);
      const auto left = i % columns * (l.w + options.padding);
      for (std::int64_t c = 0; c < l.planes; ++c) {
        T* to = y.data<T>() + (c * height + top) * width + left;
        for (std::int64_t row = 0; row < l.h; ++row, from += l.w) std::copy_n(from, l.w, to + row * width);
      }
    }
  });
  return y;
}

}  // namespace newtape::data
