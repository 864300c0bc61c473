// SPDX-License-Identifier: BSD-3-Clause
// Resizing of images, separably: first the rows are combined, which the compiler vectorises, then the columns.
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/image_layout.hpp>
#include <newtape/data/loading/image_transforms.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace newtape::data {
namespace {

/// For each new pixel, the weights of old ones from `first` on; they add up to 1.
template <class T>
struct Taps {
  std::vector<std::int64_t> first;
  std::vector<std::vector<T>> weights;
};

/// Keys' kernel with parameter a.
double keys_cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return a * (((x - 5) * x + 8) * x - 4);
  return 0;
}

/// Kernels with antialiasing are Pillow's, whose cubic one has a = -0.5; without, those of PyTorch's interpolate, a = -0.75.
double kernel_weight(const ResizeOptions& o, double x) {
  if (o.mode == Resampling::bicubic) return keys_cubic(x, o.antialias ? -0.5 : -0.75);
  return std::max(0.0, 1 - std::abs(x));
}

/// The weights of new pixel i, each for its (unclipped) old pixel from the result on.
std::int64_t raw_weights(std::int64_t i, double ratio, const ResizeOptions& o, std::vector<double>& weights) {
  weights.clear();
  const double center = (static_cast<double>(i) + 0.5) * ratio;
  if (o.mode == Resampling::nearest) {
    weights = {1};
    return static_cast<std::int64_t>(center);
  }
  if (o.mode == Resampling::area) {
    const double low = static_cast<double>(i) * ratio;
    const double high = low + ratio;
    const auto first = static_cast<std::int64_t>(low);
    for (auto j = first; static_cast<double>(j) < high; ++j) {
      weights.push_back(std::min(high, static_cast<double>(j + 1)) - std::max(low, static_cast<double>(j)));
    }
    return first;
  }
  const double scale = o.antialias ? std::max(ratio, 1.0) : 1.0;
  const double support = (o.mode == Resampling::bicubic ? 2 : 1) * scale;
  const auto first = static_cast<std::int64_t>(std::floor(center - support + 0.5));
  const auto stop = static_cast<std::int64_t>(std::floor(center + support + 0.5));
  for (auto j = first; j < stop; ++j) {
    weights.push_back(kernel_weight(o, (static_cast<double>(j) + 0.5 - center) / scale));
  }
  return first;
}

/// Weights beyond the edges are left out with antialiasing, as in Pillow; else they count for the edge, as in PyTorch.
template <class T>
Taps<T> make_taps(std::int64_t from, std::int64_t to, const ResizeOptions& o) {
  Taps<T> taps;
  const double ratio = static_cast<double>(from) / static_cast<double>(to);
  std::vector<double> raw;
  for (std::int64_t i = 0; i < to; ++i) {
    const auto first = raw_weights(i, ratio, o, raw);
    const auto low = std::clamp<std::int64_t>(first, 0, from - 1);
    const auto high = std::clamp<std::int64_t>(first + static_cast<std::int64_t>(raw.size()) - 1, low, from - 1);
    std::vector<double> weights(static_cast<std::size_t>(high - low + 1));
    double sum = 0;
    for (std::size_t k = 0; k < raw.size(); ++k) {
      const auto at = first + static_cast<std::int64_t>(k);
      if (o.antialias && (at < low || at > high)) continue;
      weights[static_cast<std::size_t>(std::clamp(at, low, high) - low)] += raw[k];
      sum += raw[k];
    }
    std::vector<T> scaled;
    for (const double w : weights) scaled.push_back(static_cast<T>(w / sum));
    taps.first.push_back(low);
    taps.weights.push_back(std::move(scaled));
  }
  return taps;
}

template <class T>
void resize_plane(const T* from, std::int64_t w, const Taps<T>& rows, const Taps<T>& columns, std::vector<T>& row,
                  T* to) {
  for (std::size_t y = 0; y < rows.first.size(); ++y) {
    std::fill(row.begin(), row.end(), T(0));
    const T* source = from + rows.first[y] * w;
    for (const T weight : rows.weights[y]) {
      for (std::int64_t x = 0; x < w; ++x) row[static_cast<std::size_t>(x)] += weight * source[x];
      source += w;
    }
    for (std::size_t x = 0; x < columns.first.size(); ++x) {
      const T* p = row.data() + columns.first[x];
      T sum = 0;
      for (const T weight : columns.weights[x]) sum += weight * *p++;
      *to++ = sum;
    }
  }
}

std::pair<std::int64_t, std::int64_t> size_from_shorter(std::int64_t h, std::int64_t w, std::int64_t shorter) {
  if (h == 0 || w == 0) return {shorter, shorter};  // an error later
  return h <= w ? std::pair(shorter, shorter * w / h) : std::pair(shorter * h / w, shorter);
}

}  // namespace

Array resize(const ArrayLike& images, std::int64_t height, std::int64_t width, const ResizeOptions& options) {
  detail::check_size("resize", height, width);
  const auto l = detail::image_layout("resize", images);
  if (images.dtype() == u8) {
    return detail::through_floats(images, 255, [&](const Array& x) { return resize(x, height, width, options); });
  }
  expect_floating("resize", images);
  if (l.h == 0 || l.w == 0) raise<ShapeError>("resize: the images are empty", "[.., h, w]", to_string(images.shape()));
  if (l.h == height && l.w == width) return images;
  const Array x = core::contiguous(images);
  Array y = Array::empty(detail::with_size(images.shape(), height, width), images.dtype());
  const auto run = [&]<class T>(T* to) {
    const auto rows = make_taps<T>(l.h, height, options);
    const auto columns = make_taps<T>(l.w, width, options);
    std::vector<T> row(static_cast<std::size_t>(l.w));
    const T* from = x.data<T>();
    for (std::int64_t c = 0; c < l.planes; ++c) {
      resize_plane(from + c * l.plane(), l.w, rows, columns, row, to + c * height * width);
    }
  };
  x.dtype() == f64 ? run(y.data<double>()) : run(y.data<float>());
  return y;
}

Array resize(const ArrayLike& images, std::int64_t shorter, const ResizeOptions& options) {
  detail::check_size("resize", shorter, shorter);
  const auto l = detail::image_layout("resize", images);
  const auto [height, width] = size_from_shorter(l.h, l.w, shorter);
  return resize(images, height, width, options);
}

Transform resize(std::int64_t height, std::int64_t width, const ResizeOptions& options) {
  detail::check_size("resize", height, width);
  return on(options.array, [height, width, options](const Array& x, Generator&) {
    static_cast<void>(detail::batch_layout("resize", x));
    return resize(x, height, width, options);
  });
}

Transform resize(std::int64_t shorter, const ResizeOptions& options) {
  detail::check_size("resize", shorter, shorter);
  return on(options.array, [shorter, options](const Array& x, Generator&) {
    static_cast<void>(detail::batch_layout("resize", x));
    return resize(x, shorter, options);
  });
}

}  // namespace newtape::data
