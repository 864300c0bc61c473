// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/shape.hpp>

#include <concepts>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace newtape {

/// An option for spatial axes: one number for all axes, `2`, or one for each, `{2, 1}`.
class PerAxis {
 public:
  /// Unset.
  PerAxis() = default;
  template <std::integral I>
  PerAxis(I all) : dims_{static_cast<std::int64_t>(all)} {}
  PerAxis(std::initializer_list<std::int64_t> each) : dims_(each) {}
  PerAxis(Dims each) : dims_(std::move(each)) {}

  /// Whether it is unset.
  bool empty() const noexcept { return dims_.empty(); }
  /// The numbers for `axes` axes; ValueError naming `op` and `option` unless all are at least `min_value`.
  Dims over(std::string_view op, std::string_view option, std::size_t axes, std::int64_t min_value) const;

 private:
  Dims dims_;
};

/// Zero padding: the number of zeros at both ends of each axis, Padding::same (the output is as long as the input;
/// stride 1 only) or Padding::valid (none).
class Padding {
 public:
  /// The kind of padding; `numbers` are those of lengths().
  enum class Mode { numbers, same, valid };
  static constexpr Mode same = Mode::same;
  static constexpr Mode valid = Mode::valid;

  template <std::integral I>
  Padding(I all) : lengths_(all) {}
  Padding(std::initializer_list<std::int64_t> each) : lengths_(each) {}
  Padding(Dims each) : lengths_(std::move(each)) {}
  Padding(Mode mode) : lengths_(0), mode_(mode) {}

  Mode mode() const noexcept { return mode_; }
  /// 0 for `same` and `valid`.
  const PerAxis& lengths() const noexcept { return lengths_; }

 private:
  PerAxis lengths_;
  Mode mode_ = Mode::numbers;
};

}  // namespace newtape
