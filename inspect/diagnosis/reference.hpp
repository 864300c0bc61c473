// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <limits>
#include <vector>

namespace newtape::inspect {

/// What ridge regressions that know nothing of the model make of the data: on the examples themselves, on their squares
/// and products, and on distances; of integer inputs also on how often a value occurs. Errors are sums of squares over
/// those of the mean of the targets, classes as indicators; each example is predicted from all others.
struct ReferenceFit {
  std::int64_t examples = 0;   ///< that were fitted; 0 where nothing was
  double error = 1;            ///< of the best of them
  double linear_error = 1;     ///< of those that are linear in inputs, or in indicators of integer inputs
  double unordered_error = 1;  ///< of those that only count values; of integer inputs
  double deviations = 0;       ///< by which the best beats the mean of the targets, in standard errors of pairs
  /// The best one's error on test examples; NaN without any.
  double test_error = std::numeric_limits<double>::quiet_NaN();
  double test_deviations = 0;  ///< by which that is above `error`, in standard errors
  double wrong = 1;            ///< share of wrong classes, or of squared error at most 1 by example

  /// Whether there was enough to fit.
  bool known() const noexcept { return examples > 0; }
};

/// What the regressions are shown: examples along the first axis; test examples may be left out.
struct ReferenceData {
  Array x, y, test_x, test_y;
  std::vector<std::int64_t> left_out = {};  ///< columns of the inputs that are not shown
  std::int64_t most_examples = 256;         ///< of each set, evenly spaced
};
/// By leave-one-out residuals (alpha_i / A_ii with A = (K + lambda)^-1, alpha = A t; Cawley & Talbot 2003), which take no
/// refit. Fewer than 32 examples, or targets that do not vary: `known` is false.
ReferenceFit fit_reference(const ReferenceData& data);

/// Whether regressions tell rows of `a` from rows of `b`: of examples of both, as many of each, which set they are of.
ReferenceFit tell_apart(const Array& a, const Array& b);

}  // namespace newtape::inspect
