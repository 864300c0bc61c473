// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#if __has_include(<fmt/base.h>)
#include <fmt/format.h>  // since fmt 11 fmt/core.h lacks fmt::format
#else
#include <fmt/core.h>  // compiled in half the time
#endif

#include <iosfwd>
#include <string>

namespace newtape {

struct ToStringOptions {
  int precision = 4;              ///< digits after the point
  std::int64_t threshold = 1000;  ///< arrays with more elements are abbreviated
  std::int64_t edge_items = 3;    ///< elements shown at each end of an abbreviated axis
  int line_width = 75;
};

/// NumPy's format: nested brackets, aligned columns, `...` for omitted elements.
std::string to_string(const Array& x, const ToStringOptions& options = {});
std::ostream& operator<<(std::ostream& os, const Array& x);

namespace detail {
/// Formats types that have a `to_string`; a precision such as "{:.3}" applies to array elements.
struct StringFormatter {
  int precision = -1;
  constexpr auto parse(fmt::format_parse_context& ctx) {
    auto it = ctx.begin();
    if (it != ctx.end() && *it == '.') {
      precision = 0;
      for (++it; it != ctx.end() && *it >= '0' && *it <= '9'; ++it) precision = precision * 10 + (*it - '0');
    }
    return it;
  }
  static auto write(std::string_view text, fmt::format_context& ctx) {
    // format_to and the formatter of string_view need fmt/format.h, which is slow to compile, or to be linked.
    auto out = ctx.out();
    for (const char c : text) *out++ = c;
    return out;
  }
  ToStringOptions options() const {
    ToStringOptions o;
    if (precision >= 0) o.precision = precision;
    return o;
  }
};
}  // namespace detail
}  // namespace newtape

template <>
struct fmt::formatter<newtape::Array> : newtape::detail::StringFormatter {
  auto format(const newtape::Array& x, fmt::format_context& ctx) const {
    return write(newtape::to_string(x, options()), ctx);
  }
};
template <>
struct fmt::formatter<newtape::Dims> : newtape::detail::StringFormatter {
  auto format(const newtape::Dims& x, fmt::format_context& ctx) const { return write(newtape::to_string(x), ctx); }
};
template <>
struct fmt::formatter<newtape::DType> : newtape::detail::StringFormatter {
  auto format(newtape::DType t, fmt::format_context& ctx) const { return write(newtape::name(t), ctx); }
};
