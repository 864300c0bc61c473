// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/resize.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace newtape {
namespace {

/// One axis, with its length in the input.
struct AxisMap {
  std::int64_t input, output;
  double scale, begin, end;
};

/// The place in the input, in elements, of output i.
double source_of(const ResizeAxesOptions& o, const AxisMap& axis, std::int64_t i) {
  const auto x = static_cast<double>(i), in = static_cast<double>(axis.input), out = static_cast<double>(axis.output);
  switch (o.coordinates) {
    case ResizeCoordinates::pytorch_half_pixel: return axis.output > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
    case ResizeCoordinates::asymmetric: return x / axis.scale;
    case ResizeCoordinates::align_corners: return axis.output > 1 ? x * (in - 1) / (out - 1) : 0;
    case ResizeCoordinates::tf_half_pixel_for_nn: return (x + 0.5) / axis.scale;
    case ResizeCoordinates::half_pixel_symmetric:
      return in / 2 * (1 - out / (in * axis.scale)) + (x + 0.5) / axis.scale - 0.5;
    case ResizeCoordinates::tf_crop_and_resize:
      if (axis.output == 1) return 0.5 * (axis.begin + axis.end) * (in - 1);
      return axis.begin * (in - 1) + x * (axis.end - axis.begin) * (in - 1) / (out - 1);
    default: return (x + 0.5) / axis.scale - 0.5;
  }
}

std::int64_t nearest_to(ResizeRounding rounding, double x) {
  const double low = std::floor(x), fraction = x - low;
  switch (rounding) {
    case ResizeRounding::round_prefer_ceil: return static_cast<std::int64_t>(fraction < 0.5 ? low : low + 1);
    case ResizeRounding::floor: return static_cast<std::int64_t>(low);
    case ResizeRounding::ceil: return static_cast<std::int64_t>(std::ceil(x));
    default: return static_cast<std::int64_t>(fraction <= 0.5 ? low : low + 1);
  }
}

/// Keys 1981.
double cubic_weight(double t, double a) {
  t = std::fabs(t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/// For each output, `taps` inputs from `first` on and their weights.
struct Taps {
  std::int64_t taps = 1;
  std::vector<std::int64_t> first;
  std::vector<double> weights;
};

Taps taps_of(const ResizeAxesOptions& o, const AxisMap& axis) {
  Taps t;
  const bool cubic = o.mode == ResizeMode::cubic, nearest = o.mode == ResizeMode::nearest;
  // With antialias the filter of a smaller output is as much wider.
  const double stretch = o.antialias && axis.scale < 1 ? 1 / axis.scale : 1;
  const double reach = (cubic ? 2 : 1) * stretch;
  t.taps = nearest ? 1 : 2 * static_cast<std::int64_t>(std::ceil(reach));
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = source_of(o, axis, i);
    if (nearest) {
      t.first.push_back(nearest_to(o.rounding, x));
      t.weights.push_back(1);
      continue;
    }
    const auto first = static_cast<std::int64_t>(std::floor(x)) - t.taps / 2 + 1;
    const std::size_t begin = t.weights.size();
    double sum = 0;
    for (std::int64_t k = 0; k < t.taps; ++k) {
      const double distance = (static_cast<double>(first + k) - x) / stretch;
      double w = cubic ? cubic_weight(distance, o.cubic_a) : std::max(0.0, 1 - std::fabs(distance));
      const bool outside = first + k < 0 || first + k >= axis.input;
      if (outside && (o.exclude_outside || o.antialias)) w = 0;
      t.weights.push_back(w);
      sum += w;
    }
    for (std::size_t k = begin; (o.exclude_outside || o.antialias) && k < t.weights.size(); ++k) t.weights[k] /= sum;
    t.first.push_back(first);
  }
  return t;
}

/// x resized along one axis.
Tensor resize_axis(Tensor x, std::size_t axis, std::int64_t length, const Taps& t) {
  const auto n = static_cast<std::int64_t>(t.first.size());
  const auto at = static_cast<std::int64_t>(axis);
  const auto clamped = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, length - 1); };
  if (t.taps == 1) {
    std::vector<std::int64_t> from;
    for (const auto i : t.first) from.push_back(clamped(i));
    return take(std::move(x), tensor(from, i64), at);
  }
  std::vector<double> matrix(static_cast<std::size_t>(n * length), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < t.taps; ++k) {
      matrix[static_cast<std::size_t>(i * length + clamped(t.first[static_cast<std::size_t>(i)] + k))] +=
          t.weights[static_cast<std::size_t>(i * t.taps + k)];
    }
  }
  const Tensor w = tensor(matrix, Shape{n, length}, x.dtype());
  const auto last = static_cast<std::int64_t>(x.ndim()) - 1;
  if (at == last) return linear(std::move(x), w);
  return moveaxis(linear(moveaxis(std::move(x), at, last), w), last, at);
}

/// Outputs whose place is outside of the input are `extrapolation`.
Tensor extrapolated(Tensor y, const ResizeAxesOptions& o, const AxisMap& axis, std::size_t at) {
  Array inside = Array::empty({axis.output}, boolean);
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = source_of(o, axis, i);
    inside.data<bool>()[i] = x >= 0 && x <= static_cast<double>(axis.input - 1);
  }
  Shape shape(y.ndim(), 1);
  shape[at] = axis.output;
  return where(reshape(Tensor(inside), shape), y, full({}, o.extrapolation, y.dtype()));
}

}  // namespace

Tensor resize_axes(In input, std::span<const ResizedAxis> axes, const ResizeAxesOptions& o) {
  const CallSite here(input.location());
  Tensor x = input.tensor();
  const bool integers = x.dtype() == i64;
  if (!integers) expect_floating("resize_axes", x.value());
  if (integers && o.mode != ResizeMode::nearest) x = x.to(f64);
  for (const auto& a : axes) {
    const auto at = normalize_axis("resize_axes", a.axis, x.ndim());
    const auto length = x.shape()[at];
    const double scale = a.scale == 0 ? static_cast<double>(a.size) / static_cast<double>(length) : a.scale;
    const bool crop = o.coordinates == ResizeCoordinates::tf_crop_and_resize;
    if (a.size == length && scale == 1 && !crop) continue;
    if (a.size < 0 || length == 0 || (a.size > 0 && !(scale > 0 && std::isfinite(scale)))) {
      raise<ValueError>(
          "resize_axes: an axis cannot be resized", "elements, a size of at least 0, a finite scale above 0",
          std::to_string(length) + " elements, size " + std::to_string(a.size) + ", scale " + std::to_string(scale));
    }
    const AxisMap map{length, a.size, scale, a.begin, a.end};
    x = resize_axis(std::move(x), at, length, taps_of(o, map));
    if (crop) x = extrapolated(std::move(x), o, map, at);
  }
  return integers && x.dtype() != i64 ? round(std::move(x)).to(i64) : std::move(x);
}

}  // namespace newtape
