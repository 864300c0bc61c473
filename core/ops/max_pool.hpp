// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <vector>

/// Maxima of windows over the last one to three axes; all axes before them are a batch. Floats only.
namespace newtape::core {

/// Windows along one axis of length `input`: output i sees first[i] + k step for k < count[i], at least one element.
struct WindowAxis {
  std::int64_t input = 0, step = 1;
  std::vector<std::int64_t> first{}, count{};

  std::int64_t output() const noexcept { return static_cast<std::int64_t>(first.size()); }
};
using Windows = std::span<const WindowAxis>;

/// The largest element of each window; NaN wins.
Array max_pool(const Array& x, Windows windows);
/// Where it stands, as an index into the windowed axes laid flat (i64); the first of equals, the first NaN.
Array max_pool_indices(const Array& x, Windows windows);
/// First-order pullback: every element of g goes to where its window's maximum stands. `y` is max_pool(x). Leading axes
/// of g beyond x's are a batch of cotangents.
Array max_pool_grad(const Array& g, const Array& x, const Array& y, Windows windows);

}  // namespace newtape::core
