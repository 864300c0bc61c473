// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Common part of batch, layer, group and RMS normalization (f32, f64): sets of elements are normalized to mean 0 and
/// variance 1, then scaled and shifted by channel.
namespace newtape::core {

/// x viewed as [n, groups, channels, inner].
struct NormalizeView {
  std::int64_t n, groups, channels, inner;
  bool across = false;  ///< statistics over n and inner, per channel (groups = 1); else over channels and inner
  bool centred = true;  ///< false: the mean is taken as 0

  std::int64_t statistics() const { return across ? channels : n * groups; }
  std::int64_t count() const { return across ? n * inner : channels * inner; }
};

/// Per set of elements, in f64: mean and biased variance.
struct NormalizeStatistics {
  Array mean, var;
};

struct Normalized {
  Array y;
  NormalizeStatistics statistics;
};

/// (x - mean) / sqrt(var + eps) * weight + bias; weight and bias have groups * channels elements, or are undefined. x
/// must not be empty.
Normalized normalize(const Array& x, const Array& weight, const Array& bias, const NormalizeView& view, double eps);

struct NormalizeGradients {
  Array x, weight, bias;  ///< undefined unless requested; weight and bias [groups * channels]
};
struct NormalizeWanted {
  bool x, weight, bias;
};
/// Pullback of `normalize` for the cotangent `g` of y.
NormalizeGradients normalize_grad(const Array& g, const Array& x, const Array& weight, const NormalizeView& view,
                                  double eps, const NormalizeStatistics& statistics, const NormalizeWanted& wanted);

}  // namespace newtape::core
