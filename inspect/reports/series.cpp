// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/series.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect::detail {
namespace {

void halve(std::vector<CurveBucket>& buckets) {
  const std::size_t pairs = buckets.size() / 2;
  for (std::size_t i = 0; i < pairs; ++i) {
    CurveBucket both = buckets[2 * i];
    both.merge(buckets[2 * i + 1]);
    buckets[i] = both;
  }
  if (buckets.size() % 2 == 1) buckets[pairs] = buckets.back();
  buckets.resize((buckets.size() + 1) / 2);
}

}  // namespace

void CurveBucket::merge(const CurveBucket& next) {
  if (next.low.y < low.y) low = next.low;
  if (next.high.y > high.y) high = next.high;
  last = next.last;
  sum += next.sum;
  count += next.count;
}

std::vector<CurvePoint> CurveBucket::points() const {
  std::vector<CurvePoint> all{first};
  if (count > 2) {
    const bool low_first = low.x < high.x;
    all.push_back(low_first ? low : high);
    all.push_back(low_first ? high : low);
  }
  if (count > 1) all.push_back(last);
  const auto same = [](const CurvePoint& a, const CurvePoint& b) { return a.x == b.x && a.y == b.y; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

void CurveSeries::add(double x, double y) {
  if (!std::isfinite(x) || !std::isfinite(y)) {
    if (nonfinite_++ == 0) first_nonfinite_ = std::isfinite(x) ? x : 0;
    return;
  }
  const CurvePoint p{x, y};
  const CurveBucket one{p, p, p, p, y, 1};
  if (!buckets_.empty() && buckets_.back().count < per_bucket_) {
    buckets_.back().merge(one);
    return;
  }
  if (buckets_.size() == limit) {
    halve(buckets_);
    per_bucket_ *= 2;
  }
  buckets_.push_back(one);
}

std::vector<CurveBucket> CurveSeries::thinned(std::size_t count) const {
  auto result = buckets_;
  while (result.size() > count) halve(result);
  return result;
}

CurveSeries CurveSeries::restore(std::vector<CurveBucket> buckets, std::int64_t nonfinite, double first_nonfinite) {
  CurveSeries s;
  s.buckets_ = std::move(buckets);
  for (const auto& b : s.buckets_) s.per_bucket_ = std::max(s.per_bucket_, b.count);
  s.nonfinite_ = nonfinite;
  s.first_nonfinite_ = first_nonfinite;
  return s;
}

}  // namespace newtape::inspect::detail
