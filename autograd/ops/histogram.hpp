// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <optional>
#include <utility>

/// Counts of elements by intervals.
namespace newtape {

/// Options of histogram.
struct HistogramOptions {
  /// Of equally wide bins; by default from the least element to the largest.
  std::optional<std::pair<double, double>> range = {};
  Tensor weights = {};   ///< of x's shape; sums of them instead of counts, differentiable in them
  bool density = false;  ///< divided by the total and by the widths: the integral is 1
};
/// Counts, and the edges of the intervals.
struct Histogram {
  Tensor hist;       ///< [bins]; i64 counts, or of the weights' dtype, or with `density` of the edges'
  Tensor bin_edges;  ///< [bins + 1], of the dtype of x, f64 for integers
};
/// Counts of the elements of x in `bins` intervals [edge i, edge i + 1), the last of which includes its end; others and NaN
/// do not count. ValueError for a range that is not finite or not increasing.
Histogram histogram(In x, std::int64_t bins = 10, const HistogramOptions& options = {});
/// With the given edges [bins + 1], which must not decrease (ValueError).
Histogram histogram(In x, const Tensor& bin_edges, const HistogramOptions& options = {});

/// The counts of `histogram` in the dtype of x, as PyTorch: between the least and the largest element when min = max, and,
/// when those are equal, between one less and one more.
Tensor histc(In x, std::int64_t bins = 100, double min = 0, double max = 0);

}  // namespace newtape
