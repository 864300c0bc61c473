// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <vector>

/// Metrics of the order in which scores rank the examples of two classes. They keep every score (8 bytes an example), so
/// that they are exact, with ties, however the examples came in batches.
namespace newtape::inspect {

/// Scores of positive and negative examples.
class RankedScores {
 public:
  /// `scores` [..] (floats; higher means positive) and `target` [..] (0 and 1, or booleans). ShapeError, DTypeError,
  /// ValueError for NaN and other targets; nothing is taken then.
  void update(const ArrayLike& scores, const ArrayLike& target);
  void merge(const RankedScores& other);
  std::int64_t positives() const noexcept { return static_cast<std::int64_t>(positive_.size()); }
  std::int64_t negatives() const noexcept { return static_cast<std::int64_t>(negative_.size()); }

 protected:
  RankedScores() = default;
  std::vector<double> positive_, negative_;
};

/// The area under the ROC curve: the probability that a positive example has a higher score than a negative one, ties
/// counting one half. The interval is DeLong, DeLong & Clarke-Pearson's (1988) by the ranks of Sun & Xu 2014, cut off at
/// 0 and 1; where all positives stand above all negatives or below, which leaves it no width, Wilson's for as many
/// examples as the smaller class has. NaN without examples of both classes.
class Auroc : public RankedScores {
 public:
  Estimate compute(double confidence = 0.95) const;
};

/// Average precision, the sum of (R_k - R_(k-1)) P_k over the thresholds, without interpolation, as in scikit-learn. The
/// interval is symmetric in the logit (Boyd, Eng & Page 2013); Wilson's at 1. NaN without positive examples.
class AveragePrecision : public RankedScores {
 public:
  Estimate compute(double confidence = 0.95) const;
};

}  // namespace newtape::inspect
