// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace newtape::inspect::detail {

struct CurvePoint {
  double x = 0;
  double y = 0;
};

/// Consecutive finite points of a curve: the first, lowest, highest and last of them draw it exactly where all fall into
/// one column of pixels (M4: Jugel, Jerzak, Hackenbroich & Markl 2014).
struct CurveBucket {
  CurvePoint first, low, high, last;
  double sum = 0;
  std::int64_t count = 0;

  void merge(const CurveBucket& next);
  double mean() const noexcept { return sum / static_cast<double>(count); }
  /// Its distinct points in order of x.
  std::vector<CurvePoint> points() const;
};

/// A curve of any number of points in bounded memory: at most `limit` buckets, of equal numbers of points but the last.
class CurveSeries {
 public:
  static constexpr std::size_t limit = 1024;

  void add(double x, double y);
  const std::vector<CurveBucket>& buckets() const noexcept { return buckets_; }
  /// At most half as many buckets until there are no more than `count`.
  std::vector<CurveBucket> thinned(std::size_t count) const;
  /// Points that are not finite, and the x of the first.
  std::int64_t nonfinite() const noexcept { return nonfinite_; }
  double first_nonfinite() const noexcept { return first_nonfinite_; }

  /// From what is stored in a page.
  static CurveSeries restore(std::vector<CurveBucket> buckets, std::int64_t nonfinite, double first_nonfinite);

 private:
  std::vector<CurveBucket> buckets_;
  std::int64_t per_bucket_ = 1;
  std::int64_t nonfinite_ = 0;
  double first_nonfinite_ = 0;
};

}  // namespace newtape::inspect::detail
