// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>

/// What quantile and nanquantile share.
namespace newtape::detail {

/// The position between elements from which `interpolation` reads.
inline double read_position(double at, Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::lower: return std::floor(at);
    case Interpolation::higher: return std::ceil(at);
    case Interpolation::midpoint: return at == std::floor(at) ? at : std::floor(at) + 0.5;
    case Interpolation::nearest: return std::nearbyint(at);
    default: return at;
  }
}

/// low + w (high - low). Between numbers whose difference is infinite or NaN it is (1 - w) low + w high, and low where
/// w is 0.
inline Tensor interpolated(const Tensor& low, const Tensor& high, const Tensor& w) {
  const Tensor distance = high - low;
  if (core::all_finite(distance.value())) return low + distance * w;
  const Tensor at_low = w == 0.0;
  const Tensor far = ~isfinite(distance) & ~at_low;
  const Tensor near = where(far | at_low, 0.0, high) - where(far | at_low, 0.0, low);
  return where(far, 0.0, low) + near * w + where(far, (1.0 - w) * low + w * high, 0.0);
}

}  // namespace newtape::detail
