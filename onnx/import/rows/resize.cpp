// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

/// Resize, in all its modes: along each axis an output is a weighted sum of inputs.
namespace newtape::onnx::detail {
namespace {

struct ResizeSettings {
  std::string mode, coordinates, nearest;
  double cubic_a, extrapolation;
  bool exclude_outside, antialias;
};

ResizeSettings settings_of(Call& c) {
  const bool old = c.since() < 11;
  return {std::string(c.text("mode", "nearest")),
          std::string(c.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel")),
          std::string(c.text("nearest_mode", old ? "floor" : "round_prefer_floor")),
          c.real("cubic_coeff_a", -0.75),
          c.real("extrapolation_value", 0),
          c.integer("exclude_outside", 0) != 0,
          c.integer("antialias", 0) != 0};
}

/// One axis: lengths, scale, and the region of interest in units of the length.
struct ResizeAxis {
  std::int64_t input, output;
  double scale, begin, end;
};

/// The place in the input, in elements, of output i.
double source_of(Call& c, const ResizeSettings& s, const ResizeAxis& axis, std::int64_t i) {
  const auto x = static_cast<double>(i), in = static_cast<double>(axis.input), out = static_cast<double>(axis.output);
  const std::string& mode = s.coordinates;
  if (mode == "half_pixel") return (x + 0.5) / axis.scale - 0.5;
  if (mode == "pytorch_half_pixel") return axis.output > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
  if (mode == "asymmetric") return x / axis.scale;
  if (mode == "align_corners") return axis.output > 1 ? x * (in - 1) / (out - 1) : 0;
  if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (mode == "half_pixel_symmetric") {
    const double whole = in * axis.scale;
    return in / 2 * (1 - out / whole) + (x + 0.5) / axis.scale - 0.5;
  }
  if (mode == "tf_crop_and_resize") {
    if (axis.output == 1) return 0.5 * (axis.begin + axis.end) * (in - 1);
    return axis.begin * (in - 1) + x * (axis.end - axis.begin) * (in - 1) / (out - 1);
  }
  c.fail("unknown coordinate_transformation_mode", "half_pixel, align_corners, asymmetric, ..", mode);
}

std::int64_t nearest_of(Call& c, const ResizeSettings& s, double x) {
  const double low = std::floor(x), fraction = x - low;
  if (s.nearest == "round_prefer_floor") return static_cast<std::int64_t>(fraction <= 0.5 ? low : low + 1);
  if (s.nearest == "round_prefer_ceil") return static_cast<std::int64_t>(fraction < 0.5 ? low : low + 1);
  if (s.nearest == "floor") return static_cast<std::int64_t>(low);
  if (s.nearest == "ceil") return static_cast<std::int64_t>(std::ceil(x));
  c.fail("unknown nearest_mode", "round_prefer_floor, round_prefer_ceil, floor or ceil", s.nearest);
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

Taps taps_of(Call& c, const ResizeSettings& s, const ResizeAxis& axis) {
  Taps t;
  const bool cubic = s.mode == "cubic";
  if (s.mode != "nearest" && s.mode != "linear" && s.mode != "bilinear" && !cubic) {
    c.fail("unknown mode", "nearest, linear or cubic", s.mode);
  }
  // With antialias the filter of a smaller output is as much wider.
  const double stretch = s.antialias && axis.scale < 1 ? 1 / axis.scale : 1;
  const double reach = (cubic ? 2 : 1) * stretch;
  t.taps = s.mode == "nearest" ? 1 : 2 * static_cast<std::int64_t>(std::ceil(reach));
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = source_of(c, s, axis, i);
    if (s.mode == "nearest") {
      t.first.push_back(nearest_of(c, s, x));
      t.weights.push_back(1);
      continue;
    }
    const auto first = static_cast<std::int64_t>(std::floor(x)) - t.taps / 2 + 1;
    const std::size_t begin = t.weights.size();
    double sum = 0;
    for (std::int64_t k = 0; k < t.taps; ++k) {
      const double distance = (static_cast<double>(first + k) - x) / stretch;
      double w = cubic ? cubic_weight(distance, s.cubic_a) : std::max(0.0, 1 - std::fabs(distance));
      const bool outside = first + k < 0 || first + k >= axis.input;
      if (outside && (s.exclude_outside || s.antialias)) w = 0;
      t.weights.push_back(w);
      sum += w;
    }
    for (std::size_t k = begin; (s.exclude_outside || s.antialias) && k < t.weights.size(); ++k) t.weights[k] /= sum;
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
Tensor extrapolated(Call& c, Tensor y, const ResizeSettings& s, const ResizeAxis& axis, std::size_t at) {
  Array inside = Array::empty({axis.output}, boolean);
  for (std::int64_t i = 0; i < axis.output; ++i) {
    const double x = source_of(c, s, axis, i);
    inside.data<bool>()[i] = x >= 0 && x <= static_cast<double>(axis.input - 1);
  }
  Shape shape(y.ndim(), 1);
  shape[at] = axis.output;
  return where(reshape(Tensor(inside), shape), y, full({}, s.extrapolation, y.dtype()));
}

Tensor resized(Call& c, Tensor x, const ResizeSettings& s, const std::vector<ResizeAxis>& axes) {
  const bool integers = x.dtype() == i64;
  if (integers && s.mode != "nearest") x = x.to(f64);
  for (std::size_t d = 0; d < axes.size(); ++d) {
    const auto& axis = axes[d];
    if (axis.output == axis.input && axis.scale == 1 && s.coordinates != "tf_crop_and_resize") continue;
    if (axis.input == 0) c.fail("an axis to be resized is empty");
    x = resize_axis(std::move(x), d, axis.input, taps_of(c, s, axis));
    if (s.coordinates == "tf_crop_and_resize") x = extrapolated(c, std::move(x), s, axis, d);
  }
  return integers && x.dtype() != i64 ? round(std::move(x)).to(i64) : std::move(x);
}

/// Sizes, with one scale for all axes where the aspect ratio is kept.
void scale_to_sizes(Call& c, std::vector<ResizeAxis>& axes, const Dims& which, const Dims& sizes) {
  const auto policy = c.text("keep_aspect_ratio_policy", "stretch");
  double common = 0;
  for (std::size_t k = 0; k < which.size(); ++k) {
    auto& axis = axes[static_cast<std::size_t>(which[k])];
    axis.output = sizes[k];
    axis.scale = static_cast<double>(sizes[k]) / static_cast<double>(std::max<std::int64_t>(axis.input, 1));
    common = k == 0 ? axis.scale : policy == "not_larger" ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (policy == "stretch") return;
  for (const auto d : which) {
    auto& axis = axes[static_cast<std::size_t>(d)];
    axis.scale = common;
    axis.output = static_cast<std::int64_t>(std::floor(common * static_cast<double>(axis.input) + 0.5));
  }
}

Results resize(Call& c) {
  const ResizeSettings s = settings_of(c);
  const bool old = c.since() < 11;
  Tensor x = c.tensor(0);
  const std::size_t scales_at = old ? 1 : 2;
  std::vector<ResizeAxis> axes;
  Dims which = c.integers("axes");
  for (const auto n : x.shape()) axes.push_back({n, n, 1, 0, 1});
  if (which.empty()) {
    for (std::size_t d = 0; d < axes.size(); ++d) which.push_back(static_cast<std::int64_t>(d));
  }
  for (auto& d : which) d = from_front(d, axes.size());
  const auto fits = [&](std::size_t n) {
    if (n != which.size())
      c.fail("there must be a number for each axis", std::to_string(which.size()), std::to_string(n));
  };
  if (c.given(scales_at) && c.value(scales_at).tensor().size() > 0) {
    const auto scales = c.reals(scales_at);
    fits(scales.size());
    for (std::size_t k = 0; k < scales.size(); ++k) {
      auto& axis = axes[static_cast<std::size_t>(which[k])];
      if (!(scales[k] > 0)) c.fail("a scale must be positive", "> 0", fmt::format("{}", scales[k]));
      axis.scale = scales[k];
      axis.output = static_cast<std::int64_t>(std::floor(static_cast<double>(axis.input) * scales[k]));
    }
  } else if (c.given(3)) {
    const Dims sizes = c.integers(3);
    fits(sizes.size());
    scale_to_sizes(c, axes, which, sizes);
  } else {
    c.fail("scales or sizes are missing");
  }
  if (s.coordinates == "tf_crop_and_resize") {
    const auto roi = c.reals(1);
    fits(roi.size() / 2);
    for (std::size_t k = 0; k < which.size(); ++k) {
      axes[static_cast<std::size_t>(which[k])].begin = roi[k];
      axes[static_cast<std::size_t>(which[k])].end = roi[k + which.size()];
    }
  }
  return c.out(resized(c, std::move(x), s, axes));
}

Results upsample(Call& c) {
  ResizeSettings s = settings_of(c);
  s.coordinates = "asymmetric";
  s.nearest = "floor";
  Tensor x = c.tensor(0);
  std::vector<double> scales = c.since() >= 9   ? c.reals(1)
                               : c.since() >= 7 ? c.reals("scales")
                                                : std::vector{1.0, 1.0, c.real("height_scale"), c.real("width_scale")};
  if (scales.size() != x.ndim()) c.fail("there must be a scale for each axis");
  std::vector<ResizeAxis> axes;
  for (std::size_t d = 0; d < scales.size(); ++d) {
    const auto n = x.shape()[d];
    axes.push_back({n, static_cast<std::int64_t>(std::floor(static_cast<double>(n) * scales[d])), scales[d], 0, 1});
  }
  return c.out(resized(c, std::move(x), s, axes));
}

constexpr Row resize_table[] = {
    {"Resize", {10, 11, 13, 18, 19}, resize, {.settings = input_bits({1, 2, 3})}},
    {"Upsample", {1, 7, 9, 10}, upsample, {.settings = input_bits({1})}},
};

}  // namespace

Rows resize_rows() { return resize_table; }

}  // namespace newtape::onnx::detail
