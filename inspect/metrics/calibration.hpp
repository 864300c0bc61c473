// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <utility>
#include <vector>

namespace newtape::inspect {

struct CalibrationOptions {
  std::int64_t bins = 15;        ///< of equal numbers of examples
  std::int64_t resamples = 200;  ///< bootstrap samples for the interval of the calibration error
  std::uint64_t seed = 0;        ///< of the bootstrap
};

/// Whether predicted probabilities are those with which events happen. Keeps a number and a flag for each example.
class Calibration {
 public:
  /// Examples of similar confidence.
  struct Bin {
    double confidence = 0;  ///< mean predicted probability
    double frequency = 0;   ///< share of the examples where it happened
    std::int64_t count = 0;
  };

  /// ValueError unless bins and resamples are positive.
  explicit Calibration(const CalibrationOptions& options = {});

  /// Probabilities [.., classes] for targets [..]: the confidence is that of the most probable class, the event that it
  /// is the target. Or the probabilities [..] of an event for targets [..] of 0 and 1. ShapeError, DTypeError,
  /// ValueError for what is no probability; nothing is taken then.
  void update(const ArrayLike& probabilities, const ArrayLike& target);
  void merge(const Calibration& other);

  /// Groups of examples in ascending order of confidence, as equal in size as ties allow, which stay together.
  std::vector<Bin> bins() const;
  /// The expected calibration error: the mean over examples of |confidence - frequency| of their bins (Guo et al. 2017,
  /// with bins of equal mass as in Nixon et al. 2019). The interval is the basic bootstrap interval (Davison & Hinkley
  /// 1997, eq. 5.6), which allows for the upward bias of the error.
  Estimate ece(double confidence = 0.95) const;
  /// The Brier score (1950): the mean squared error of the probabilities, summed over classes for [.., classes]. The
  /// interval is that of a mean.
  Estimate brier(double confidence = 0.95) const { return brier_.estimate(confidence); }
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(outcomes_), f(brier_);
  }

 private:
  std::vector<std::pair<double, bool>> sorted() const;

  CalibrationOptions options_;
  std::vector<std::pair<double, bool>> outcomes_;  ///< confidence, whether it happened
  RunningMean brier_;
};

}  // namespace newtape::inspect
