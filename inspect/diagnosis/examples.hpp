// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <vector>

/// Statistics of examples for the rules about data.
namespace newtape::inspect {

/// At most `limit` examples, evenly spaced, as rows of f64.
struct ExampleRows {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  ///< [rows, columns]
  const double* row(std::int64_t i) const { return values.data() + i * columns; }
};
ExampleRows example_rows(const Array& x, std::int64_t limit);

struct ColumnStatistics {
  std::vector<double> mean, std;
};
ColumnStatistics column_statistics(const ExampleRows& x);

/// How often an example's nearest neighbour has its label, against chance: the sum of the squared shares of the labels.
struct NeighbourAgreement {
  double agreement = 0, chance = 0;
  double deviations = 0;  ///< (agreement - chance) in standard deviations of chance
  std::int64_t examples = 0;
};
/// Of columns divided by their deviations. Integer labels count as classes; for others it is the correlation of ranks
/// with the neighbour's, whose chance is 0.
NeighbourAgreement neighbour_agreement(const Array& x, const Array& y, std::int64_t limit = 300);

/// Spearman's, of all elements; 0 where one side is constant. Arrays of one size.
double rank_correlation(const Array& a, const Array& b);

/// Counts of the classes 0, 1, .. of integer labels; empty when there are negative ones or none.
std::vector<double> class_counts(const Array& y);

/// The share of rows that equal another row of `x`.
double share_of_repeated_rows(const Array& x);

/// The largest distance of the distributions of a column in two sets, by Kolmogorov and Smirnov.
struct ColumnDistance {
  double distance = 0;       ///< of the distribution functions, from 0 to 1
  double by_chance = 0;      ///< what one of 10,000 pairs of sets from one distribution exceeds in any column
  std::int64_t column = -1;  ///< of the largest
};
ColumnDistance column_distance(const ExampleRows& a, const ExampleRows& b);

/// The share of rows of `a` that equal a row of `b`, byte for byte.
double share_of_equal_rows(const Array& a, const Array& b);

}  // namespace newtape::inspect
