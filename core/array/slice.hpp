// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <optional>

namespace newtape {

/// An end of a Slice that is left open: `Slice(none, 3)`.
inline constexpr std::nullopt_t none = std::nullopt;

/// Python's start:stop:step. Ends that are left out are open; negative ones count from the end; the step may be
/// negative. `Slice()` is all of the axis.
struct Slice {
  std::optional<std::int64_t> start, stop, step;

  constexpr Slice(std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {},
                  std::optional<std::int64_t> by = {}) noexcept
      : start(from), stop(to), step(by) {}
};

namespace core {

/// Equally spaced elements along the last axes of an array, one entry of each list for each of these axes: `count` of
/// them, the first at `start`, each `step` (not 0, perhaps negative) behind the one before, of `length` that there are.
struct Window {
  Dims start, step, count, length;

  /// All of the last `axes` axes of an array of this shape.
  Window(const Shape& shape, std::size_t axes);
  /// Narrows one axis (counted among those of the window) to a slice, clipped as Python does. ValueError naming `op`
  /// for a step of 0.
  void narrow(const char* op, std::size_t axis, const Slice& slice);
  bool whole() const noexcept;  ///< nothing is left out, and all is in order
};

/// The elements in the window. A view, unless a step is negative: strides never are.
Array slice(const Array& x, const Window& window);
/// x in the window, `value` around it: an array of the window's lengths, after any further leading axes of x.
Array unslice(const Array& x, const Window& window, double value = 0);
/// Adds src, of the window's shape, to the elements of x in the window, whose memory is written.
void slice_add(Array& x, const Array& src, const Window& window);
/// x with `src`, broadcast, in the window. Writes into the memory of a temporary.
Array slice_put(Array x, const Array& src, const Window& window);

/// x[start:stop:step] along one axis, clipped as Python does. A view when step > 0. ValueError for a step of 0.
Array slice(const Array& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// x[index] along one axis, which is dropped.
Array select(const Array& x, std::int64_t axis, std::int64_t index);

}  // namespace core
}  // namespace newtape
