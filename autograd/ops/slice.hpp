// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/slice.hpp>

#include <utility>
#include <vector>

/// Parts of an array that lie evenly spaced, and arrays around them. Parts are views, unless a step is negative.
namespace newtape {

/// Python's x[start:stop:step] along one axis. ValueError for a step of 0.
Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
Tensor select(In x, std::int64_t axis, std::int64_t index);  ///< x[index] along an axis, which is dropped
Tensor flip(In x, const Axes& axes = {});                    ///< the other way round along these axes

/// What stands around x: a value, x mirrored without its edge (b c d | c b), its edge (c d | d d), or x again.
enum class PadMode { constant, reflect, replicate, circular };
/// x with `widths[i]` = {before, after} more elements along the last axes, one pair for each. ValueError for a negative
/// width, or where there is nothing to reflect, replicate or repeat.
Tensor pad(In x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, PadMode mode = PadMode::constant,
           double value = 0);

// --- the same for several axes at once ---
Tensor slice(In x, const core::Window& window);
/// x in the window, `value` around it: for the value 0 the adjoint of slice.
Tensor unslice(In x, const core::Window& window, double value = 0);
/// x with `src`, which broadcasts, in the window.
Tensor slice_put(In x, In src, const core::Window& window);

}  // namespace newtape
