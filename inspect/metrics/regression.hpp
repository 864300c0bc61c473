// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/metrics/estimate.hpp>

#include <array>

namespace newtape::inspect {

/// The mean of (predicted - target)^2 over all elements, with the interval of a mean.
class MeanSquaredError {
 public:
  /// ShapeError unless both have the same shape.
  void update(const ArrayLike& predicted, const ArrayLike& target);
  void merge(const MeanSquaredError& other) noexcept { squares_.merge(other.squares_); }
  Estimate compute(double confidence = 0.95) const { return squares_.estimate(confidence); }
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(squares_);
  }

 private:
  RunningMean squares_;
};

/// The mean of |predicted - target| over all elements, with the interval of a mean.
class MeanAbsoluteError {
 public:
  /// ShapeError unless both have the same shape.
  void update(const ArrayLike& predicted, const ArrayLike& target);
  void merge(const MeanAbsoluteError& other) noexcept { errors_.merge(other.errors_); }
  Estimate compute(double confidence = 0.95) const { return errors_.estimate(confidence); }
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(errors_);
  }

 private:
  RunningMean errors_;
};

/// The coefficient of determination, 1 - sum (target - predicted)^2 / sum (target - mean target)^2, over all elements; in
/// constant memory. The interval is that of a ratio of means (the delta method), which needs no normal errors. NaN with
/// fewer than two distinct targets.
class R2 {
 public:
  /// ShapeError unless both have the same shape.
  void update(const ArrayLike& predicted, const ArrayLike& target);
  void merge(const R2& other) noexcept;
  Estimate compute(double confidence = 0.95) const;
  /// Shows f what has been counted, part by part: for `mpi::merged`.
  template <class F>
  void each_state(F&& f) {
    f(shift_), f(sums_);
  }

 private:
  /// Sums of powers of t = target - shift and of products with e = (target - predicted)^2.
  struct Sums {
    double n = 0, e = 0, ee = 0, t = 0, tt = 0, ttt = 0, tttt = 0, et = 0, ett = 0;
    template <class F>
    void each_state(F&& f) {
      f(n), f(e), f(ee), f(t), f(tt), f(ttt), f(tttt), f(et), f(ett);
    }
    Sums shifted(double by) const noexcept;
    void add(const Sums& other) noexcept;
  };
  double shift_ = 0;  ///< the first batch's mean, so that the powers keep their digits
  Sums sums_;
};

}  // namespace newtape::inspect
