// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/slice.hpp>
#include <newtape/nn/module/module.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

/// Padding of spatial axes as layers; see newtape::pad. Widths are one number for both ends of all axes, `ZeroPad2d(1)`, or a
/// pair {before, after} for each axis in the order of the axes, `ZeroPad2d({{0, 1}, {2, 2}})`: rows, then columns. ValueError
/// for another number of pairs and for negative widths; ShapeError for another number of axes.
namespace newtape::nn {

/// {before, after} for all spatial axes, or for each.
class PadWidths {
 public:
  template <std::integral I>
  PadWidths(I all) : pairs_{{static_cast<std::int64_t>(all), static_cast<std::int64_t>(all)}} {}
  PadWidths(std::initializer_list<std::pair<std::int64_t, std::int64_t>> each) : pairs_(each) {}

  /// One pair for each of `axes` axes; ValueError naming `layer`.
  std::vector<std::pair<std::int64_t, std::int64_t>> over(std::string_view layer, std::size_t axes) const;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs_;
};

namespace detail {
/// x [n, c, spatial..] or [c, spatial..], padded along the spatial axes.
Tensor pad_spatial(std::string_view layer, In x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
                   PaddingMode mode, double value);

/// The base of the layers below.
template <class Self, std::size_t axes, PaddingMode mode>
struct SpatialPadding : Module<Self> {
  explicit SpatialPadding(const PadWidths& widths, double fill = 0)
      : padding(widths.over(this->type(), axes)), value(fill) {}
  Tensor forward(In x) const { return pad_spatial(this->type(), std::move(x), padding, mode, value); }
  std::vector<std::pair<std::int64_t, std::int64_t>> padding;
  double value;
};
}  // namespace detail

/// x [n, c, l] or [c, l] padded with a constant: `ConstantPad1d(1, 0.5)`.
struct ConstantPad1d : detail::SpatialPadding<ConstantPad1d, 1, PaddingMode::constant> {
  ConstantPad1d(const PadWidths& widths, double fill) : SpatialPadding(widths, fill) {}
};
/// x [n, c, h, w] or [c, h, w] padded with a constant: `ConstantPad2d(1, 0.5)`.
struct ConstantPad2d : detail::SpatialPadding<ConstantPad2d, 2, PaddingMode::constant> {
  ConstantPad2d(const PadWidths& widths, double fill) : SpatialPadding(widths, fill) {}
};
/// x [n, c, d, h, w] or [c, d, h, w] padded with a constant: `ConstantPad3d(1, 0.5)`.
struct ConstantPad3d : detail::SpatialPadding<ConstantPad3d, 3, PaddingMode::constant> {
  ConstantPad3d(const PadWidths& widths, double fill) : SpatialPadding(widths, fill) {}
};
/// x [n, c, l] or [c, l] padded with zeros.
struct ZeroPad1d : detail::SpatialPadding<ZeroPad1d, 1, PaddingMode::constant> {
  explicit ZeroPad1d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, h, w] or [c, h, w] padded with zeros.
struct ZeroPad2d : detail::SpatialPadding<ZeroPad2d, 2, PaddingMode::constant> {
  explicit ZeroPad2d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, d, h, w] or [c, d, h, w] padded with zeros.
struct ZeroPad3d : detail::SpatialPadding<ZeroPad3d, 3, PaddingMode::constant> {
  explicit ZeroPad3d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, l] or [c, l] mirrored without its edge.
struct ReflectionPad1d : detail::SpatialPadding<ReflectionPad1d, 1, PaddingMode::reflect> {
  explicit ReflectionPad1d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, h, w] or [c, h, w] mirrored without its edge.
struct ReflectionPad2d : detail::SpatialPadding<ReflectionPad2d, 2, PaddingMode::reflect> {
  explicit ReflectionPad2d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, d, h, w] or [c, d, h, w] mirrored without its edge.
struct ReflectionPad3d : detail::SpatialPadding<ReflectionPad3d, 3, PaddingMode::reflect> {
  explicit ReflectionPad3d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, l] or [c, l] with its edge repeated.
struct ReplicationPad1d : detail::SpatialPadding<ReplicationPad1d, 1, PaddingMode::replicate> {
  explicit ReplicationPad1d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, h, w] or [c, h, w] with its edge repeated.
struct ReplicationPad2d : detail::SpatialPadding<ReplicationPad2d, 2, PaddingMode::replicate> {
  explicit ReplicationPad2d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, d, h, w] or [c, d, h, w] with its edge repeated.
struct ReplicationPad3d : detail::SpatialPadding<ReplicationPad3d, 3, PaddingMode::replicate> {
  explicit ReplicationPad3d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, l] or [c, l] continued periodically.
struct CircularPad1d : detail::SpatialPadding<CircularPad1d, 1, PaddingMode::circular> {
  explicit CircularPad1d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, h, w] or [c, h, w] continued periodically.
struct CircularPad2d : detail::SpatialPadding<CircularPad2d, 2, PaddingMode::circular> {
  explicit CircularPad2d(const PadWidths& widths) : SpatialPadding(widths) {}
};
/// x [n, c, d, h, w] or [c, d, h, w] continued periodically.
struct CircularPad3d : detail::SpatialPadding<CircularPad3d, 3, PaddingMode::circular> {
  explicit CircularPad3d(const PadWidths& widths) : SpatialPadding(widths) {}
};

}  // namespace newtape::nn
