// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

/// Metrics take batches by `update`, join those of other threads or processes by `merge`, and give an Estimate by
/// `compute`; the order of batches does not matter. All of them read tensors, parameters and arrays.
namespace newtape::inspect {

struct AccuracyOptions {
  std::int64_t top_k = 1;            ///< a target counts as found among the k largest scores
  std::int64_t ignore_index = -100;  ///< targets that are left out
};

/// The share of targets that are predicted, with Wilson's interval.
class Accuracy {
 public:
  /// ValueError unless top_k >= 1.
  explicit Accuracy(const AccuracyOptions& options = {});

  /// `scores` [.., classes] (of equal scores the first is the higher, NaN the highest), or predicted classes [..]
  /// (i64), for targets [..]. ShapeError, DTypeError, ValueError for a class out of range; nothing is counted then.
  void update(const ArrayLike& scores, const ArrayLike& target);
  void merge(const Accuracy& other) noexcept;
  Estimate compute(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(right_), f(count_);
  }

 private:
  AccuracyOptions options_;
  std::int64_t right_ = 0;
  std::int64_t count_ = 0;
};

struct PerplexityOptions {
  std::int64_t ignore_index = -100;  ///< targets that are left out
};

/// exp of the mean negative log likelihood of tokens. The interval is that of the mean, in which tokens count as
/// independent: those of one text are not, and the true interval is wider.
class Perplexity {
 public:
  explicit Perplexity(const PerplexityOptions& options = {}) : options_(options) {}

  /// Logits [.., classes] for targets [..]; errors as in Accuracy::update.
  void update(const ArrayLike& logits, const ArrayLike& target);
  /// Negative log likelihoods of any shape, in nats.
  void update_losses(const ArrayLike& losses);
  void merge(const Perplexity& other) noexcept { losses_.merge(other.losses_); }
  Estimate compute(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(losses_);
  }

 private:
  PerplexityOptions options_;
  RunningMean losses_;
};

}  // namespace newtape::inspect
