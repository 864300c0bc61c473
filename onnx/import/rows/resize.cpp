// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/resize.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::onnx::detail {
namespace {

/// The value that an attribute's text stands for.
template <class T, std::size_t n>
T named(const Call& c, std::string_view attribute, std::string_view text,
        const std::array<std::pair<std::string_view, T>, n>& names) {
  std::string known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  c.fail(fmt::format("unknown {}", attribute), known, text);
}

constexpr std::array<std::pair<std::string_view, ResizeMode>, 4> modes{{{"nearest", ResizeMode::nearest},
                                                                        {"linear", ResizeMode::linear},
                                                                        {"bilinear", ResizeMode::linear},
                                                                        {"cubic", ResizeMode::cubic}}};
constexpr std::array<std::pair<std::string_view, ResizeCoordinates>, 7> coordinates{
    {{"half_pixel", ResizeCoordinates::half_pixel},
     {"half_pixel_symmetric", ResizeCoordinates::half_pixel_symmetric},
     {"pytorch_half_pixel", ResizeCoordinates::pytorch_half_pixel},
     {"align_corners", ResizeCoordinates::align_corners},
     {"asymmetric", ResizeCoordinates::asymmetric},
     {"tf_half_pixel_for_nn", ResizeCoordinates::tf_half_pixel_for_nn},
     {"tf_crop_and_resize", ResizeCoordinates::tf_crop_and_resize}}};
constexpr std::array<std::pair<std::string_view, ResizeRounding>, 4> roundings{
    {{"round_prefer_floor", ResizeRounding::round_prefer_floor},
     {"round_prefer_ceil", ResizeRounding::round_prefer_ceil},
     {"floor", ResizeRounding::floor},
     {"ceil", ResizeRounding::ceil}}};

ResizeAxesOptions options_of(const Call& c) {
  const bool old = c.since() < 11;
  return {
      .mode = named(c, "mode", c.text("mode", "nearest"), modes),
      .coordinates = named(c, "coordinate_transformation_mode",
                           c.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"), coordinates),
      .rounding = named(c, "nearest_mode", c.text("nearest_mode", old ? "floor" : "round_prefer_floor"), roundings),
      .cubic_a = c.real("cubic_coeff_a", -0.75),
      .exclude_outside = c.integer("exclude_outside", 0) != 0,
      .antialias = c.integer("antialias", 0) != 0,
      .extrapolation = c.real("extrapolation_value", 0)};
}

/// A length times a scale, as ONNX rounds it.
std::int64_t scaled_length(Call& c, std::int64_t length, double scale) {
  if (!(scale > 0)) c.fail("a scale must be positive", "> 0", fmt::format("{}", scale));
  return static_cast<std::int64_t>(std::floor(static_cast<double>(length) * scale));
}

/// Sizes, with one scale for all axes where the aspect ratio is kept.
std::vector<ResizedAxis> axes_of_sizes(const Call& c, const Shape& shape, const Dims& which, const Dims& sizes) {
  const auto policy = c.text("keep_aspect_ratio_policy", "stretch");
  std::vector<ResizedAxis> axes;
  double common = 0;
  const auto length = [&](std::size_t k) {
    return static_cast<double>(std::max<std::int64_t>(shape[static_cast<std::size_t>(which[k])], 1));
  };
  for (std::size_t k = 0; k < which.size(); ++k) {
    const double scale = static_cast<double>(sizes[k]) / length(k);
    axes.push_back({which[k], sizes[k], scale});
    common = k == 0 ? scale : policy == "not_larger" ? std::min(common, scale) : std::max(common, scale);
  }
  for (std::size_t k = 0; policy != "stretch" && k < axes.size(); ++k) {
    axes[k].scale = common;
    axes[k].size = static_cast<std::int64_t>(std::floor(common * length(k) + 0.5));
  }
  return axes;
}

Results resize_row(Call& c) {
  const ResizeAxesOptions options = options_of(c);
  const std::size_t scales_at = c.since() < 11 ? 1 : 2;
  const Tensor x = c.tensor(0);
  Dims which = c.integers("axes");
  for (std::size_t d = 0; which.size() < x.ndim() && !c.has("axes"); ++d) which.push_back(static_cast<std::int64_t>(d));
  for (auto& d : which) d = from_front(d, x.ndim());
  const auto fits = [&](std::size_t n) {
    if (n != which.size())
      c.fail("there must be a number for each axis", std::to_string(which.size()), std::to_string(n));
  };
  std::vector<ResizedAxis> axes;
  if (c.given(scales_at) && c.value(scales_at).tensor().size() > 0) {
    const auto scales = c.reals(scales_at);
    fits(scales.size());
    for (std::size_t k = 0; k < scales.size(); ++k) {
      const auto length = x.shape()[static_cast<std::size_t>(which[k])];
      axes.push_back({which[k], scaled_length(c, length, scales[k]), scales[k]});
    }
  } else if (c.given(3)) {
    const Dims sizes = c.integers(3);
    fits(sizes.size());
    axes = axes_of_sizes(c, x.shape(), which, sizes);
  } else {
    c.fail("scales or sizes are missing");
  }
  if (options.coordinates == ResizeCoordinates::tf_crop_and_resize) {
    const auto roi = c.reals(1);
    fits(roi.size() / 2);
    for (std::size_t k = 0; k < axes.size(); ++k) {
      axes[k].begin = roi[k];
      axes[k].end = roi[k + axes.size()];
    }
  }
  return c.out(resize_axes(x, axes, options));
}

Results upsample(Call& c) {
  const ResizeAxesOptions options{.mode = named(c, "mode", c.text("mode", "nearest"), modes),
                                  .coordinates = ResizeCoordinates::asymmetric,
                                  .rounding = ResizeRounding::floor};
  const Tensor x = c.tensor(0);
  const std::vector<double> scales = c.since() >= 9 ? c.reals(1)
                                     : c.since() >= 7
                                         ? c.reals("scales")
                                         : std::vector{1.0, 1.0, c.real("height_scale"), c.real("width_scale")};
  if (scales.size() != x.ndim()) c.fail("there must be a scale for each axis");
  std::vector<ResizedAxis> axes;
  for (std::size_t d = 0; d < scales.size(); ++d) {
    axes.push_back({static_cast<std::int64_t>(d), scaled_length(c, x.shape()[d], scales[d]), scales[d]});
  }
  return c.out(resize_axes(x, axes, options));
}

constexpr Row resize_table[] = {
    {"Resize", {10, 11, 13, 18, 19}, resize_row, {.settings = input_bits({1, 2, 3})}},
    {"Upsample", {1, 7, 9, 10}, upsample, {.settings = input_bits({1})}},
};

}  // namespace

Rows resize_rows() { return resize_table; }

}  // namespace newtape::onnx::detail
