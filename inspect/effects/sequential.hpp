// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace newtape::inspect {

struct SequentialSignFlipOptions {
  int looks = 4;        ///< evenly spaced, the last one after all runs; those before the sixth run are left out
  double alpha = 0.05;  ///< probability of a false claim at any look
  int resamples = 9999;
};

/// A sign-flip test that may be looked at while runs come in, and stop them early, at a total level of alpha: a group
/// sequential test whose level is spent by the O'Brien-Fleming-like function alpha(t) = 2 - 2 Phi(z / sqrt(t)) of the
/// share t of the runs (Lan & DeMets 1983). The boundary at each look is that of the sign flips themselves (Mehta, Patel,
/// Senchaudhuri & Tsiatis 1994): of all random signs and the observed ones, which are exchangeable if the differences
/// are symmetric about 0, it rejects the most extreme ones, at most alpha(t) of them so far.
class SequentialSignFlip {
 public:
  /// The outcome of one look.
  struct Look {
    int runs = 0;
    /// Share of the signs that were rejected at earlier looks or are as extreme at this one (stagewise ordering,
    /// Tsiatis, Rosner & Mehta 1984): at most alpha(t) exactly when `significant`.
    double p_value = 1;
    bool significant = false;
    /// Of the repeated confidence interval at this look (Jennison & Turnbull 1984).
    double level = 1;
  };

  /// ValueError unless runs >= 1, looks >= 1 and 0 < alpha < 1.
  SequentialSignFlip(int runs, const SequentialSignFlipOptions& options = {}, Generator generator = Generator(0));

  /// Numbers of runs after which to look; the last one is `runs`.
  const std::vector<int>& looks() const noexcept { return looks_; }
  /// The level spent up to a number of runs.
  double spent(int runs) const;
  /// The next look, at all differences so far. ValueError unless there are as many as looks() says.
  Look look(std::span<const double> differences);

 private:
  /// The sum of the differences with the signs of a vector; those of vector 0 are all positive.
  double flipped_sum(std::size_t vector, std::span<const double> differences) const;

  SequentialSignFlipOptions options_;
  std::uint64_t seed_;
  std::vector<int> looks_;
  std::size_t next_ = 0;
  std::vector<bool> rejected_;  ///< of the observed signs (the first) and the random ones
  std::int64_t rejections_ = 0;
};

}  // namespace newtape::inspect
