// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/slice.hpp>

#include <utility>
#include <vector>

/// Strided slices of an array, and padding. Slices are views, unless a step is negative.
namespace newtape {

/// Python's x[start:stop:step] along one axis. ValueError for a step of 0.
Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
Tensor select(In x, std::int64_t axis, std::int64_t index);  ///< x[index] along an axis, which is removed
Tensor flip(In x, const Axes& axes = {});                    ///< reverses the order along these axes

/// Padding: a constant (in layers always zeros), x mirrored without its edge (b c d | c b), its edge (c d | d d), or x
/// repeated (c d | a b).
enum class PaddingMode { constant, zeros = constant, reflect, replicate, circular };
/// x padded by `widths[i]` = {before, after} elements along the last axes, one pair for each. ValueError for a negative
/// width, or to pad an empty axis with other than constants.
Tensor pad(In x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
           PaddingMode mode = PaddingMode::constant, double value = 0);

// --- several axes at once ---
/// The elements of x in the window, which is over the last axes.
Tensor slice(In x, const core::Window& window);
/// x in the window, `value` elsewhere; with `value` 0 the adjoint of slice.
Tensor unslice(In x, const core::Window& window, double value = 0);
/// x with `src`, which broadcasts, in the window.
Tensor slice_put(In x, In src, const core::Window& window);

}  // namespace newtape
