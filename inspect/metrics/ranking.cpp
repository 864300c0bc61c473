// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/metrics/labels.hpp>
#include <newtape/inspect/metrics/ranking.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace newtape::inspect {
namespace {

/// A distinct score, and how many examples of either class have it.
struct ScoreGroup {
  double score;
  double positive = 0;
  double negative = 0;
};

/// In ascending order of the scores.
std::vector<ScoreGroup> score_groups(const std::vector<double>& positive, const std::vector<double>& negative) {
  std::vector<std::pair<double, bool>> all;
  all.reserve(positive.size() + negative.size());
  for (const double s : positive) all.emplace_back(s, true);
  for (const double s : negative) all.emplace_back(s, false);
  std::sort(all.begin(), all.end());
  std::vector<ScoreGroup> groups;
  for (const auto& [score, is_positive] : all) {
    if (groups.empty() || groups.back().score != score) groups.push_back({score});
    (is_positive ? groups.back().positive : groups.back().negative) += 1;
  }
  return groups;
}

}  // namespace

void RankedScores::update(const ArrayLike& scores, const ArrayLike& target) {
  expect_floating(name_, scores);
  detail::expect_same_shape(name_, scores, target);
  const Array values = detail::metric_values(scores);
  const Array labels = detail::metric_values(target);
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const double label = labels.data<double>()[i];
    if (label != 0 && label != 1) {
      raise<ValueError>(std::string(name_) + ": targets must be 0 or 1", "0, 1", std::to_string(label));
    }
    if (std::isnan(values.data<double>()[i]))
      raise<ValueError>(std::string(name_) + ": scores must have an order", "numbers", "NaN");
  }
  for (std::int64_t i = 0; i < values.size(); ++i) {
    (labels.data<double>()[i] != 0 ? positive_ : negative_).push_back(values.data<double>()[i]);
  }
}

void RankedScores::merge(const RankedScores& other) {
  const auto positive = other.positive_;  // `other` may be this one
  const auto negative = other.negative_;
  positive_.insert(positive_.end(), positive.begin(), positive.end());
  negative_.insert(negative_.end(), negative.begin(), negative.end());
}

Estimate Auroc::compute(double confidence) const {
  const double z = detail::two_sided_z(confidence);
  const auto m = static_cast<double>(positive_.size());
  const auto n = static_cast<double>(negative_.size());
  if (m == 0 || n == 0) return {};
  // The share of negatives below each positive, and of positives above each negative: their means are the area, their
  // variances its error.
  const auto groups = score_groups(positive_, negative_);
  double below = 0;
  double wins = 0;
  for (const auto& g : groups) {
    wins += g.positive * (below + g.negative / 2);
    below += g.negative;
  }
  const double area = wins / (m * n);
  double of_positives = 0;
  double of_negatives = 0;
  double seen_negative = 0;
  double seen_positive = 0;
  for (const auto& g : groups) {
    const double for_positive = (seen_negative + g.negative / 2) / n - area;
    const double for_negative = 1 - (seen_positive + g.positive / 2) / m - area;
    of_positives += g.positive * for_positive * for_positive;
    of_negatives += g.negative * for_negative * for_negative;
    seen_negative += g.negative;
    seen_positive += g.positive;
  }
  const auto count = static_cast<std::int64_t>(m + n);
  if (area == 0 || area == 1) {
    const auto fewer = static_cast<std::int64_t>(std::min(m, n));
    Estimate e = proportion(area == 1 ? fewer : 0, fewer, confidence);
    e.count = count;
    return e;
  }
  const double half = z * std::sqrt(of_positives / (m - 1) / m + of_negatives / (n - 1) / n);
  return {area, std::max(0.0, area - half), std::min(1.0, area + half), count};
}

Estimate AveragePrecision::compute(double confidence) const {
  const double z = detail::two_sided_z(confidence);
  const auto m = static_cast<double>(positive_.size());
  if (m == 0) return {};
  auto groups = score_groups(positive_, negative_);
  double found = 0;
  double taken = 0;
  double value = 0;
  for (auto g = groups.rbegin(); g != groups.rend(); ++g) {
    found += g->positive;
    taken += g->positive + g->negative;
    value += g->positive / m * (found / taken);
  }
  const auto count = static_cast<std::int64_t>(positive_.size() + negative_.size());
  value = std::min(value, 1.0);
  if (groups.size() == 1 || value == 1) {
    Estimate e =
        proportion(static_cast<std::int64_t>(std::llround(value * m)), static_cast<std::int64_t>(m), confidence);
    return {value, std::min(e.low, value), std::max(e.high, value), count};
  }
  const double logit = std::log(value / (1 - value));
  const double half = z / std::sqrt(m * value * (1 - value));
  return {value, 1 / (1 + std::exp(half - logit)), 1 / (1 + std::exp(-half - logit)), count};
}

}  // namespace newtape::inspect
