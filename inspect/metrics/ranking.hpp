// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/average.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <cstdint>
#include <vector>

/// Metrics of the order in which scores rank examples. They keep every score (8 bytes an example), so
/// that they are exact, with ties, however the examples came in batches.
namespace newtape::inspect {
namespace detail {
struct RankedSide;
}

/// Scores of positive and negative examples.
class RankedScores {
 public:
  /// `scores` [..] (floats; higher means positive) and `target` [..] (0 and 1, or booleans). ShapeError, DTypeError,
  /// ValueError for NaN and other targets; nothing is taken then.
  void update(const ArrayLike& scores, const ArrayLike& target);
  void merge(const RankedScores& other);
  std::int64_t positives() const noexcept { return static_cast<std::int64_t>(positive_.size()); }
  std::int64_t negatives() const noexcept { return static_cast<std::int64_t>(negative_.size()); }
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(positive_), f(negative_);
  }

 protected:
  explicit RankedScores(const char* name) : name_(name) {}
  const char* name_;  ///< of the metric, for errors
  std::vector<double> positive_, negative_;
};

/// The area under the ROC curve: the probability that a positive example has a higher score than a negative one, ties
/// counting one half. The interval is DeLong, DeLong & Clarke-Pearson's (1988) by the ranks of Sun & Xu 2014, cut off at
/// 0 and 1; where all positives stand above all negatives or below, which leaves it no width, Wilson's for as many
/// examples as the smaller class has. NaN without examples of both classes.
class Auroc : public RankedScores {
 public:
  Auroc() : RankedScores("Auroc") {}
  Estimate compute(double confidence = 0.95) const;
};

/// Average precision, the sum of (R_k - R_(k-1)) P_k over the thresholds, without interpolation, as in scikit-learn. The
/// interval is symmetric in the logit (Boyd, Eng & Page 2013); Wilson's at 1. NaN without positive examples.
class AveragePrecision : public RankedScores {
 public:
  AveragePrecision() : RankedScores("AveragePrecision") {}
  Estimate compute(double confidence = 0.95) const;
};

/// The areas under the ROC curves of several classes, averaged. It keeps every score (8 bytes an example and class).
/// Classes without examples are left out of averages; NaN with fewer than two others.
///
/// Intervals follow from what each example contributes to the average (the infinitesimal jackknife), so that areas which
/// share examples are not taken for independent; for two classes they are those of Auroc. They are cut off at 0 and 1;
/// where they have no width, Wilson's for as many examples as the smallest class has.
class MulticlassAuroc {
 public:
  /// ValueError for fewer than two classes.
  explicit MulticlassAuroc(std::int64_t classes);

  /// `scores` [.., classes] (floats; higher means likelier) and `target` [..] (i64 classes). ShapeError, DTypeError,
  /// ValueError for NaN and classes out of range; nothing is taken then.
  void update(const ArrayLike& scores, const ArrayLike& target);
  /// ValueError unless both have as many classes.
  void merge(const MulticlassAuroc& other);

  /// Each class's score ranks its examples against all others. `micro` ranks all scores together.
  Estimate one_vs_rest(Average average = Average::macro, double confidence = 0.95) const;
  /// Hand & Till 2001 (M): each pair of classes by the scores of both, independent of how many examples classes have;
  /// `weighted` weighs pairs by their examples, as scikit-learn does. ValueError for `micro`.
  Estimate one_vs_one(Average average = Average::macro, double confidence = 0.95) const;
  /// One against the rest, of every class; NaN of those that do not occur.
  std::vector<Estimate> per_class(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(scores_), f(examples_);
  }

 private:
  struct Contributions;
  /// Adds the examples of a class by their scores of a class.
  void append(detail::RankedSide& to, std::size_t score_of, std::size_t class_of) const;
  /// The classes that occur.
  std::vector<std::size_t> present() const;
  Estimate estimate(const Contributions& c, double confidence) const;

  std::int64_t classes_;
  std::vector<double> scores_;                       ///< example by example
  std::vector<std::vector<std::int64_t>> examples_;  ///< of each class: their numbers
};

}  // namespace newtape::inspect
