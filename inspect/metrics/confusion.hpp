// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/average.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <span>
#include <string>
#include <vector>

/// Evaluation of classifiers by the counts of their predictions.
namespace newtape::inspect {

/// counts[t][p] (i64 [classes, classes]): number of examples of class t predicted as p. `predicted` and `target` are
/// i64 [n]; ShapeError if their shapes differ, ValueError for a class out of range.
Array confusion_matrix(const ArrayLike& predicted, const ArrayLike& target, std::int64_t classes);

/// Fraction of correct predictions: the trace of the confusion matrix over its sum.
double accuracy(const ArrayLike& confusion);

/// The matrix as a table with class names and the recall per class.
std::string format_confusion(const ArrayLike& confusion, std::span<const char* const> names);

/// Scores of one class.
struct ClassScores {
  Estimate precision;         ///< TP / (TP + FP), with Wilson's interval
  Estimate recall;            ///< TP / (TP + FN), with Wilson's interval
  Estimate f1;                ///< 2 TP / (2 TP + FP + FN), with the interval of ConfusionMatrix::f1
  std::int64_t examples = 0;  ///< of this class
};

/// A confusion matrix that grows by batches, with the scores that follow from it. A score whose denominator is 0 counts
/// as 0, and classes that neither occur nor are predicted are left out of averages, as in scikit-learn.
///
/// Intervals of averages are those of a function of multinomial counts (the delta method; of macro F1: Takahashi,
/// Yamamoto, Kuchiba & Koyama 2022), cut off at 0 and 1; of micro averages Wilson's.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::int64_t classes);

  /// `predicted` holds classes (i64) of the target's shape [..], or scores [.., classes]. ShapeError, DTypeError,
  /// ValueError for a class out of range; nothing is counted then.
  void update(const ArrayLike& predicted, const ArrayLike& target);
  /// ValueError unless both have as many classes.
  void merge(const ConfusionMatrix& other);

  /// The number of classes.
  std::int64_t classes() const noexcept { return classes_; }
  /// counts[t][p] (i64 [classes, classes]).
  Array counts() const;
  Estimate accuracy(double confidence = 0.95) const;
  Estimate precision(Average average = Average::macro, double confidence = 0.95) const;
  Estimate recall(Average average = Average::macro, double confidence = 0.95) const;
  Estimate f1(Average average = Average::macro, double confidence = 0.95) const;
  std::vector<ClassScores> per_class(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(counts_);
  }

 private:
  struct Score;
  struct Totals;
  Totals totals() const;
  Estimate averaged(const Score& score, Average average, double confidence) const;
  Estimate weighted(const Score& score, const std::vector<double>& weights, bool by_examples, double confidence) const;

  std::int64_t classes_;
  std::vector<std::int64_t> counts_;  ///< row by row
};

}  // namespace newtape::inspect
