// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/result.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace newtape::optim {

/// Thrown out of the inner loops of a run whose time or evaluations are used up. The minimisers catch it.
struct BudgetSpent {
  Status status;  ///< max_evaluations or max_seconds
};

/// The evaluations and the time that a run may take. Every evaluation and product of an Objective or of Residuals asks
/// it first, so that no inner loop (line search, trust region, damping, conjugate gradients) outlasts them.
class Budget {
 public:
  /// No limits.
  Budget() = default;
  /// 0: no limit. `begin` is in seconds of now().
  Budget(std::int64_t max_evaluations, double max_seconds, double begin)
      : max_evaluations_(max_evaluations), max_seconds_(max_seconds), begin_(begin) {}

  /// Seconds of a steady clock.
  static double now() noexcept;

  /// The status when they are used up.
  std::optional<Status> spent(const Counts& counts) const;
  /// BudgetSpent when they are used up.
  void expect(const Counts& counts) const {
    if (const auto status = spent(counts)) throw BudgetSpent{*status};
  }

 private:
  std::int64_t max_evaluations_ = 0;
  double max_seconds_ = 0;
  double begin_ = 0;
};

/// Lifts a budget's limits for a scope: for what a run needs to end at its best point.
class Unlimited {
 public:
  explicit Unlimited(Budget& budget) : budget_(budget), limits_(std::exchange(budget, {})) {}
  Unlimited(const Unlimited&) = delete;
  Unlimited& operator=(const Unlimited&) = delete;
  ~Unlimited() { budget_ = limits_; }

 private:
  Budget& budget_;
  Budget limits_;
};

}  // namespace newtape::optim
