// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <vector>

/// Max pooling over the last one to three axes; all axes before them are batch axes. Floats only.
namespace newtape::core {

/// Windows along one axis of length `input`: output i covers first[i] + k step, 0 <= k < count[i], count[i] >= 1.
struct WindowAxis {
  std::int64_t input = 0, step = 1;
  std::vector<std::int64_t> first{}, count{};

  std::int64_t output() const noexcept { return static_cast<std::int64_t>(first.size()); }
};
using Windows = std::span<const WindowAxis>;

/// Maximum of each window; NaN propagates.
Array max_pool(const Array& x, Windows windows);
/// Position of the maximum, as a flat index (i64) into the windowed axes; the first of equals, or the first NaN.
Array max_pool_indices(const Array& x, Windows windows);
/// First-order pullback: every element of g is added at the position of its window's maximum. `y` is max_pool(x). Extra
/// leading axes of g are batched cotangents.
Array max_pool_grad(const Array& g, const Array& x, const Array& y, Windows windows);

}  // namespace newtape::core
