// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <optional>

namespace newtape {

/// Marks an open end of a Slice: `Slice(none, 3)`.
inline constexpr std::nullopt_t none = std::nullopt;

/// Python's start:stop:step. Omitted ends are open, negative ones count from the end, the step may be negative.
/// `Slice()` is the whole axis.
struct Slice {
  std::optional<std::int64_t> start, stop, step;

  constexpr Slice(std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {},
                  std::optional<std::int64_t> by = {}) noexcept
      : start(from), stop(to), step(by) {}
};

namespace core {

/// Equally spaced elements along the trailing axes of an array. Per axis: `count` elements, the first at index `start`,
/// consecutive ones `step` (nonzero) apart, out of `length`.
struct Window {
  Dims start, step, count, length;

  /// The full extent of the last `axes` axes of an array of this shape.
  Window(const Shape& shape, std::size_t axes);
  /// Narrows one axis (index within the window) to a slice, clipped as in Python. ValueError naming `op` if the step is
  /// 0.
  void narrow(const char* op, std::size_t axis, const Slice& slice);
  bool whole() const noexcept;  ///< every element, in order
};

/// The elements in the window. A view if all steps are positive, else a copy.
Array slice(const Array& x, const Window& window);
/// x inside the window, `value` elsewhere; the trailing axes have the window's `length`, leading axes are those of x.
Array unslice(const Array& x, const Window& window, double value = 0);
/// Adds src, of the window's shape, in place to the elements of x in the window.
void slice_add(Array& x, const Array& src, const Window& window);
/// x with the elements in the window replaced by `src`, broadcast. Reuses the memory of a temporary x.
Array slice_put(Array x, const Array& src, const Window& window);

/// x[start:stop:step] along one axis, clipped as in Python. A view if step > 0. ValueError if step is 0.
Array slice(const Array& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// x[index] along one axis, which is removed.
Array select(const Array& x, std::int64_t axis, std::int64_t index);

}  // namespace core
}  // namespace newtape
