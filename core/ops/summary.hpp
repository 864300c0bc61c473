// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <limits>

namespace newtape::core {

/// Statistics of an array from one pass over its elements. Sums, `min` and `max` are those of the finite elements.
struct ArraySummary {
  std::int64_t size = 0;      ///< elements of the array
  std::int64_t examined = 0;  ///< elements that were read
  double sum = 0;             ///< of the examined elements, as all that follows
  double sum_squares = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::int64_t zeros = 0;
  std::int64_t saturated = 0;  ///< finite and not 0, at or beyond an end of the given range
  std::int64_t non_finite = 0;

  /// Of the finite elements; 0 when there are none.
  double mean() const noexcept;
  /// The square root of the mean square.
  double rms() const noexcept;
  /// The 2-norm; an estimate, rms() sqrt(size), where only a part was examined.
  double norm() const noexcept;
  /// Of the mean square about the mean.
  double std() const noexcept;
  double share_of(std::int64_t count) const noexcept {
    return examined == 0 ? 0 : static_cast<double>(count) / static_cast<double>(examined);
  }
  double zero_share() const noexcept { return share_of(zeros); }
  double saturated_share() const noexcept { return share_of(saturated); }
  double non_finite_share() const noexcept { return share_of(non_finite); }

  /// Adds the elements of another array.
  void merge(const ArraySummary& other) noexcept;
};

struct SummarizeOptions {
  /// A larger array is sampled: evenly spaced blocks of `summary_block` elements. 0 reads every element.
  std::int64_t max_elements = 0;
  /// Ends of the range for `saturated`.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// Elements of a block of a sample.
inline constexpr std::int64_t summary_block = 256;

/// DTypeError unless `x` is f32 or f64, ValueError when it is undefined. The order of elements does not matter, so no layout that fills its memory is
/// copied.
ArraySummary summarize(const Array& x, const SummarizeOptions& options = {});

/// The sample of `max_elements` that summarize reads, as a new array [examined].
Array summary_sample(const Array& x, std::int64_t max_elements);

/// summarize() of what changed since `before` = summary_sample(x, max_elements): x - before. ValueError when the sample
/// has another dtype or number of elements.
ArraySummary summarize_change(const Array& x, const Array& before, std::int64_t max_elements);

}  // namespace newtape::core
