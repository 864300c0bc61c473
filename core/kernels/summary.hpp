// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// The inner loop of core::summarize.
namespace newtape::core::kernels {

/// Totals over the finite elements, in f64, and counts.
struct SummaryTotals {
  double sum, sum_squares;
  double min, max;
  std::int64_t zeros, saturated, non_finite;
};

template <class T>
struct SummaryTable {
  /// Adds x[0..n) to the totals. A finite element other than 0 counts as saturated when it is <= low or >= high.
  void (*row)(const T* x, std::int64_t n, T low, T high, SummaryTotals* totals);
};
struct SummaryTables {
  SummaryTable<float> f32;
  SummaryTable<double> f64;
  static const SummaryTables baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
