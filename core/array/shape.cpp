// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/integers.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/runtime/error.hpp>

#include <algorithm>

namespace newtape {

std::size_t normalize_axis(std::string_view op, std::int64_t axis, std::size_t ndim) {
  const auto n = static_cast<std::int64_t>(ndim);
  if (axis < -n || axis >= n) {
    raise<ShapeError>(std::string(op) + ": axis out of range",
                      "an axis from " + std::to_string(-n) + " to " + std::to_string(n - 1),
                      "axis " + std::to_string(axis) + " of an array with " + std::to_string(n) + " axes");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

Dims::Dims(std::initializer_list<std::int64_t> list) { assign(list.begin(), list.size()); }

Axes::Axes() noexcept = default;
Axes::Axes(std::initializer_list<std::int64_t> axes) : dims_(axes), all_(false) {}
Axes::~Axes() = default;

Dims Axes::normalized(std::string_view op, std::size_t ndim) const {
  Dims axes;
  if (all_) {
    for (std::size_t i = 0; i < ndim; ++i) axes.push_back(static_cast<std::int64_t>(i));
    return axes;
  }
  const std::size_t counted = std::max<std::size_t>(ndim, 1);
  for (const auto a : dims_) axes.push_back(static_cast<std::int64_t>(normalize_axis(op, a, counted)));
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
    raise<ValueError>(std::string(op) + ": duplicate axis", "distinct axes", to_string(dims_));
  }
  if (ndim == 0) axes.resize(0);
  return axes;
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides;
  strides.resize(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step = detail::wrapping_mul(step, shape[i]);  // wraps for an empty array only
  }
  return strides;
}

Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    const auto m = longer[lead + i];
    const auto n = shorter[i];
    if (m != n && m != 1 && n != 1) {
      raise<ShapeError>(std::string(op) + ": the shapes do not broadcast together",
                        "axes, counted from the last, of equal length or of length 1",
                        to_string(a) + " and " + to_string(b));
    }
    result[lead + i] = m == 1 ? n : m;
  }
  return result;
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace newtape
