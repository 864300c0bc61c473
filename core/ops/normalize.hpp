// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// What batch, layer, group and RMS normalisation have in common: elements of f32 or f64 that share a mean and a
/// variance are brought to mean 0 and variance 1, then weighted and shifted by channel.
namespace newtape::core {

/// How x is seen: as [n, groups, channels, inner].
struct NormalizeView {
  std::int64_t n, groups, channels, inner;
  bool across = false;  ///< over n and inner, for each of the channels (groups is 1); else over channels and inner
  bool centred = true;  ///< else the mean counts as 0

  std::int64_t statistics() const { return across ? channels : n * groups; }
  std::int64_t count() const { return across ? n * inner : channels * inner; }
};

/// In f64, of each set of elements: the mean, and the variance (divided by their number) about it.
struct NormalizeStatistics {
  Array mean, var;
};

struct Normalized {
  Array y;
  NormalizeStatistics statistics;
};

/// (x - mean) / sqrt(var + eps) * weight + bias; weight and bias have groups * channels elements, or are undefined.
/// x must have elements.
Normalized normalize(const Array& x, const Array& weight, const Array& bias, const NormalizeView& view, double eps);

struct NormalizeGradients {
  Array x, weight, bias;  ///< those that were wanted; weight and bias [groups * channels]
};
struct NormalizeWanted {
  bool x, weight, bias;
};
/// What comes back for the cotangent `g` of y.
NormalizeGradients normalize_grad(const Array& g, const Array& x, const Array& weight, const NormalizeView& view,
                                  double eps, const NormalizeStatistics& statistics, const NormalizeWanted& wanted);

}  // namespace newtape::core
