// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/print.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <vector>

namespace newtape {

namespace {

/// Reads one element of any dtype.
template <class F>
auto visit_element(DType t, const F& f) {
  switch (t) {
    case u8: return f.template operator()<std::uint8_t>();
    case i8: return f.template operator()<std::int8_t>();
    case i16: return f.template operator()<std::int16_t>();
    case i32: return f.template operator()<std::int32_t>();
    case u16: return f.template operator()<std::uint16_t>();
    case u32: return f.template operator()<std::uint32_t>();
    case u64: return f.template operator()<std::uint64_t>();
    case f16: return f.template operator()<float16>();
    case bf16: return f.template operator()<bfloat16>();
    default: return visit_dtype(t, f);
  }
}

bool has_fractions(DType t) { return is_floating(t) || is_half(t); }

/// One element; integers stay integers, as a double would round large ones.
struct Element {
  double real;
  std::int64_t integer;
};

/// Formats elements with one common width, as NumPy does; the notation is chosen from all the elements shown.
class ElementFormat {
 public:
  ElementFormat(const std::vector<Element>& shown, DType dtype, int precision) : dtype_(dtype), precision_(precision) {
    if (has_fractions(dtype)) choose_notation(shown);
    for (const auto& v : shown) width_ = std::max(width_, format(v).size());
  }

  std::string padded(const Element& v) const { return fmt::format("{:>{}}", format(v), width_); }

 private:
  void choose_notation(const std::vector<Element>& shown) {
    double largest = 0;
    double smallest = INFINITY;
    for (const auto& [v, integer] : shown) {
      if (!std::isfinite(v) || v == 0) continue;
      largest = std::max(largest, std::abs(v));
      smallest = std::min(smallest, std::abs(v));
    }
    // NumPy leaves fixed notation at a ratio of 1000 already, hence also for 1, 2, ..., 1001.
    scientific_ = largest >= 1e8 || (largest > 0 && (smallest < 1e-4 || largest / smallest > 1e6));
    // The fewest digits after the point that show every element in full, at most `precision`.
    for (const auto& [v, integer] : shown) {
      if (std::isfinite(v)) digits_ = std::max(digits_, digits_needed(v));
    }
  }

  int digits_needed(double v) const {
    std::string text = scientific_ ? fmt::format("{:.{}e}", v, precision_) : fmt::format("{:.{}f}", v, precision_);
    text = text.substr(0, text.find('e'));
    const auto point = text.find('.');
    if (point == std::string::npos) return 0;
    const auto last = text.find_last_not_of('0');
    return static_cast<int>(last - point);
  }

  std::string format(const Element& element) const {
    if (dtype_ == boolean) return element.integer != 0 ? "True" : "False";
    if (dtype_ == u64) return fmt::format("{}", static_cast<std::uint64_t>(element.integer));
    if (is_integer(dtype_)) return fmt::format("{}", element.integer);
    const double v = element.real;
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    std::string text = scientific_ ? fmt::format("{:.{}e}", v, digits_) : fmt::format("{:.{}f}", v, digits_);
    // "1." marks a float, as in NumPy.
    if (digits_ == 0) return text.insert(std::min(text.find('e'), text.size()), 1, '.');
    // Trailing zeros become spaces.
    if (!scientific_)
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(text.find_last_not_of('0')) + 1, text.end(), ' ');
    return text;
  }

  DType dtype_;
  int precision_;
  int digits_ = 0;
  bool scientific_ = false;
  std::size_t width_ = 0;
};

class Printer {
 public:
  Printer(const Array& x, const ToStringOptions& options)
      : x_(x),
        options_(options),
        abbreviated_(x.size() > options.threshold),
        format_(collect(), x.dtype(), options.precision) {}

  std::string text() {
    block(0, 0, std::string(1, ' '));
    return std::move(text_);
  }

 private:
  Element at(std::int64_t offset) const {
    return visit_element(x_.dtype(), [&]<class T>() {
      const T v = static_cast<const T*>(x_.raw())[offset];
      return Element{static_cast<double>(v), has_fractions(element_dtype<T>) ? 0 : static_cast<std::int64_t>(v)};
    });
  }

  /// Calls f(i) for the indices shown along an axis and f(-1) for the ellipsis.
  template <class F>
  void shown(std::size_t axis, const F& f) const {
    const auto n = x_.shape()[axis];
    const auto edge = options_.edge_items;
    if (!abbreviated_ || n <= 2 * edge) {
      for (std::int64_t i = 0; i < n; ++i) f(i);
      return;
    }
    for (std::int64_t i = 0; i < edge; ++i) f(i);
    f(-1);
    for (std::int64_t i = n - edge; i < n; ++i) f(i);
  }

  std::vector<Element> collect() const {
    std::vector<Element> values;
    collect(0, 0, values);
    return values;
  }
  void collect(std::size_t axis, std::int64_t offset, std::vector<Element>& values) const {
    if (axis == x_.ndim()) {
      values.push_back(at(offset));
      return;
    }
    shown(axis, [&](std::int64_t i) {
      if (i >= 0) collect(axis + 1, offset + i * x_.strides()[axis], values);
    });
  }

  void block(std::size_t axis, std::int64_t offset, const std::string& indent) {
    if (axis == x_.ndim()) {
      text_ += format_.padded(at(offset));
      return;
    }
    text_ += '[';
    const bool innermost = axis + 1 == x_.ndim();
    bool first = true;
    std::size_t line_start = text_.rfind('\n') == std::string::npos ? 0 : text_.rfind('\n') + 1;
    shown(axis, [&](std::int64_t i) {
      if (innermost) {
        const std::string item = i < 0 ? "..." : format_.padded(at(offset + i * x_.strides()[axis]));
        if (!first && text_.size() - line_start + item.size() + 1 >= static_cast<std::size_t>(options_.line_width)) {
          text_.erase(text_.find_last_not_of(' ') + 1);
          text_ += '\n';
          line_start = text_.size();
          text_ += indent + item;
        } else {
          text_ += (first ? "" : " ") + item;
        }
      } else {
        if (!first) text_ += std::string(x_.ndim() - axis - 1, '\n') + indent;
        if (i < 0) {
          text_ += "...";
        } else {
          block(axis + 1, offset + i * x_.strides()[axis], indent + ' ');
        }
      }
      first = false;
    });
    text_ += ']';
  }

  const Array& x_;
  ToStringOptions options_;
  bool abbreviated_;
  ElementFormat format_;
  std::string text_;
};

}  // namespace

std::string to_string(const Array& x, const ToStringOptions& options) {
  if (!x.defined()) return "(undefined)";
  if (x.size() == 0) return x.ndim() == 1 ? "[]" : fmt::format("[] (shape {})", to_string(x.shape()));
  return Printer(x, options).text();
}

std::ostream& operator<<(std::ostream& os, const Array& x) { return os << to_string(x); }

}  // namespace newtape
