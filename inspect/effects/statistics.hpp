// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

/// Statistics of paired differences between two techniques: d[i] is the difference in run i, in which both had the same
/// random numbers. ValueError for no or non-finite differences, and for arguments out of their ranges.
namespace newtape::inspect {

/// A closed interval, such as a confidence interval; its ends may be infinite.
struct Interval {
  double low = 0;
  double high = 0;
  bool contains(double x) const noexcept { return low <= x && x <= high; }
};

struct BootstrapIntervalOptions {
  double level = 0.95;
  int resamples = 9999;
  /// Levels of the percentiles for small n, from Student's t and n / (n - 1) (Hesterberg 2015, section 4.2). Without it
  /// the intervals are too short: 6 to 10 runs cover the mean in 83 to 90 % of the cases instead of 95 %.
  bool small_sample = true;
  std::function<double(std::span<const double>)> statistic = nullptr;  ///< none: the mean
};
/// The bias-corrected and accelerated bootstrap interval of a statistic of the sample (Efron 1987, section 4), with the
/// acceleration from the jackknife. A constant sample has an interval of length 0.
Interval bootstrap_interval(std::span<const double> sample, const BootstrapIntervalOptions& options = {},
                            Generator generator = Generator(0));

/// What is more than what one expects under the hypothesis: a mean that is larger, smaller, or either.
enum class Alternative { two_sided, greater, less };

/// Options of sign_flip_test, sign_flip_interval and equivalence_test.
struct SignFlipTestOptions {
  Alternative alternative = Alternative::two_sided;
  int exact_up_to = 20;  ///< runs up to which all 2^n signs are tried; beyond, `resamples` random ones
  int resamples = 99999;
};
/// The p-value of the hypothesis that the differences are symmetric about `center`: the share of the signs for which the
/// mean of +-(d - center) is at least as extreme as without them (Fisher 1935). Random signs count themselves:
/// (b + 1) / (m + 1) (Phipson & Smyth 2010).
double sign_flip_test(std::span<const double> differences, double center = 0, const SignFlipTestOptions& options = {},
                      Generator generator = Generator(0));

/// All centers that the two-sided sign-flip test does not reject at 1 - level: the k-th smallest and k-th largest mean
/// of the subsets of the differences (Hartigan 1969). It covers the center of any symmetric distribution with at least
/// this probability. Infinite when there are too few runs to reject any center (5 at level 0.95).
Interval sign_flip_interval(std::span<const double> differences, double level = 0.95,
                            const SignFlipTestOptions& options = {}, Generator generator = Generator(0));

/// The share of runs in which a is larger than b, with ties as one half: P(A > B) as in Bouthillier et al. 2021.
double probability_of_improvement(std::span<const double> a, std::span<const double> b);

/// Cohen's d of paired differences: their mean over their standard deviation (n - 1). 0 for zeros; infinite when all are
/// equal to another number.
double standardized_difference(std::span<const double> differences);

/// p-values adjusted for the number of tests, so that comparing each with alpha keeps the probability of any false claim
/// below alpha (Holm 1979).
std::vector<double> holm(std::span<const double> p_values);

/// The p-value of the hypothesis that the mean is outside of (-margin, margin): the larger one of two one-sided sign-flip
/// tests, at -margin and at margin (two one-sided tests: Schuirmann 1987). margin > 0.
double equivalence_test(std::span<const double> differences, double margin, const SignFlipTestOptions& options = {},
                        Generator generator = Generator(0));

}  // namespace newtape::inspect
