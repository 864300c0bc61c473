// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/slice.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op slice_op{"slice"};
static const Op unslice_op{"unslice"};
static const Op slice_put_op{"slice_put"};

namespace {

/// The pullback of a slice, from which an axis may have been removed.
struct SlicePullback {
  core::Window window;
  std::int64_t dropped = 0;  ///< the removed axis, counted from the last; 0: none

  Tensor operator()(const Tensor& g) const { return unslice(dropped == 0 ? g : unsqueeze(g, dropped), window); }
  void accumulate_into(Array& sum, const Array& g) const {
    core::slice_add(sum, dropped == 0 ? g : core::unsqueeze(g, dropped), window);
  }
};

/// The full window over the axes from `axis` on.
core::Window window_from(const Op& op, const In& x, std::int64_t axis) {
  return {x.shape(), static_cast<std::size_t>(-axis_from_last(op, axis, x.ndim()))};
}

/// Indices into an axis of length `length` for the elements of the padded axis.
Array padded_indices(std::int64_t before, std::int64_t after, std::int64_t length, PaddingMode mode) {
  Array indices = Array::empty({before + length + after}, i64);
  auto* p = indices.data<std::int64_t>();
  const auto wrap = [](std::int64_t i, std::int64_t n) { return (i % n + n) % n; };
  for (std::int64_t i = -before; i < length + after; ++i) {
    switch (mode) {
      case PaddingMode::reflect: {
        const auto folded = wrap(i, std::max<std::int64_t>(1, 2 * (length - 1)));
        *p++ = std::min(folded, 2 * (length - 1) - folded);
        break;
      }
      case PaddingMode::circular: *p++ = wrap(i, length); break;
      default: *p++ = std::clamp<std::int64_t>(i, 0, length - 1);
    }
  }
  return indices;
}

}  // namespace

Tensor slice(In x, const core::Window& window) {
  return slice_op(core::slice(x.value(), window), wrt(x, SlicePullback{window}));
}

Tensor unslice(In x, const core::Window& window, double value) {
  return unslice_op(core::unslice(x.value(), window, value),
                    wrt(x, [window](const Tensor& g) { return slice(g, window); }));
}

Tensor slice_put(In x, In src, const core::Window& window) {
  match(slice_put_op, x, src);
  return slice_put_op(core::slice_put(x.take(), src.value(), window),
                      wrt(x, [window](Tensor g) { return slice_put(std::move(g), 0, window); }),
                      wrt(src, [window](const Tensor& g) { return slice(g, window); }));
}

Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "slice", {x}, {{"axis", axis}, {"start", start}, {"stop", stop}, {"step", step}},
        [&] { return slice(x, axis, start, stop, step); }, x.location());
  }
  auto window = window_from(slice_op, x, axis);
  window.narrow("slice", 0, {start, stop, step});
  return slice(x, window);
}

Tensor select(In x, std::int64_t axis, std::int64_t index) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "select", {x}, {{"axis", axis}, {"index", index}}, [&] { return select(x, axis, index); }, x.location());
  }
  Array value = core::select(x.value(), axis, index);
  if (unobserved(x)) return value;
  auto window = window_from(slice_op, x, axis);
  axis = -static_cast<std::int64_t>(window.start.size());
  window.narrow("select", 0, {index, index == -1 ? none : std::optional(index + 1)});
  return slice_op(std::move(value), wrt(x, SlicePullback{window, axis}));
}

Tensor flip(In x, const Axes& axes) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "flip", {x}, {{"axes", axes.normalized("flip", x.ndim())}}, [&] { return flip(x, axes); }, x.location());
  }
  core::Window window(x.shape(), x.ndim());
  for (const auto a : axes.normalized("flip", x.ndim())) {
    window.narrow("flip", static_cast<std::size_t>(a), {none, none, -1});
  }
  return slice(x, window);
}

Tensor pad(In x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, PaddingMode mode, double value) {
  if (widths.size() > x.ndim()) {
    raise<ShapeError>("pad: too many widths", "at most " + std::to_string(x.ndim()) + " pairs",
                      std::to_string(widths.size()) + " for shape " + to_string(x.shape()));
  }
  const std::size_t lead = x.ndim() - widths.size();
  if (detail::is_traced()) {
    static constexpr const char* names[] = {"constant", "reflect", "replicate", "circular"};
    Dims ends(2 * x.ndim());
    for (std::size_t i = 0; i < widths.size(); ++i) {
      ends[lead + i] = widths[i].first;
      ends[x.ndim() + lead + i] = widths[i].second;
    }
    return detail::trace_call(
        "pad", {x}, {{"widths", ends}, {"mode", std::string(names[static_cast<int>(mode)])}, {"value", value}},
        [&] { return pad(x, widths, mode, value); }, x.location());
  }
  core::Window window(x.shape(), widths.size());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto [before, after] = widths[i];
    if (before < 0 || after < 0) {
      raise<ValueError>(
          "pad: the widths must not be negative", "widths of at least 0 (slice removes elements)",
          std::to_string(before) + " and " + std::to_string(after) + " along axis " + std::to_string(lead + i));
    }
    if (mode != PaddingMode::constant && before + after > 0 && window.length[i] == 0) {
      raise<ValueError>("pad: the axis must not be empty", "an element along axis " + std::to_string(lead + i),
                        to_string(x.shape()));
    }
    window.start[i] = before;
    window.length[i] += before + after;
  }
  if (mode == PaddingMode::constant) {
    if (is_integer(x.dtype())) core::full({}, value, x.dtype(), "pad");  // for the error
    return unslice(x, window, value);
  }
  Tensor y = x;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto [before, after] = widths[i];
    if (before + after == 0) continue;
    y = take(In(y, x.location()), padded_indices(before, after, window.count[i], mode),
             static_cast<std::int64_t>(lead + i));
  }
  return y;
}

}  // namespace newtape
