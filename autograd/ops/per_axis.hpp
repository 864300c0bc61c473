// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/shape.hpp>

#include <initializer_list>
#include <string_view>
#include <type_traits>

namespace newtape {

/// An option for spatial axes: one number for all axes, `2`, or one for each, `{2, 1}`.
class PerAxis {
 public:
  /// Unset.
  PerAxis() = default;
  template <class S>
    requires std::is_integral_v<S> PerAxis(S all) : dims_{static_cast<std::int64_t>(all)} {}
    PerAxis(std::initializer_list<std::int64_t> each) : dims_(each) {}
    PerAxis(Dims each) : dims_(std::move(each)) {}

    bool empty() const noexcept { return dims_.empty(); }
    /// The numbers for `axes` axes; ValueError naming `op` and `option` unless all are at least `least`.
    Dims over(std::string_view op, std::string_view option, std::size_t axes, std::int64_t least) const;

   private:
    Dims dims_;
};

/// Zero padding: the number of zeros at both ends of each axis, or "same" (the output is as long as the input; stride 1
/// only) or "valid" (none).
class Padding {
 public:
  template <class S>
    requires std::is_integral_v<S> Padding(S all) : lengths_(all) {}
    Padding(std::initializer_list<std::int64_t> each) : lengths_(each) {}
    Padding(Dims each) : lengths_(std::move(each)) {}
    Padding(const char* mode) : lengths_(0), mode_(mode) {}

    std::string_view mode() const noexcept { return mode_; }
    const PerAxis& lengths() const noexcept { return lengths_; }

   private:
    PerAxis lengths_;
    std::string_view mode_;
};

}  // namespace newtape
