// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace newtape::inspect {

ExampleRows example_rows(const Array& x, std::int64_t limit) {
  ExampleRows result;
  if (!x.defined() || x.ndim() == 0 || x.size() == 0) return result;
  const std::int64_t n = x.shape(0);
  result.rows = std::min(n, limit);
  result.columns = x.size() / n;
  result.values.reserve(static_cast<std::size_t>(result.rows * result.columns));
  const Array dense = core::contiguous(x);
  visit_dtype(dense.dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < result.rows; ++i) {
      const T* row = dense.data<T>() + i * n / result.rows * result.columns;
      for (std::int64_t j = 0; j < result.columns; ++j) result.values.push_back(static_cast<double>(row[j]));
    }
  });
  return result;
}

ColumnStatistics column_statistics(const ExampleRows& x) {
  ColumnStatistics s;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    double sum = 0;
    double n = 0;
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const double v = x.row(i)[j];
      if (std::isfinite(v)) sum += v, n += 1;
    }
    const double mean = n > 0 ? sum / n : 0;
    double squares = 0;
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const double d = x.row(i)[j] - mean;
      if (std::isfinite(d)) squares += d * d;
    }
    s.mean.push_back(mean);
    s.std.push_back(n > 0 ? std::sqrt(squares / n) : 0);
  }
  return s;
}

namespace {

/// The index of the nearest other row, by Euclidean distance of scaled columns.
std::vector<std::int64_t> nearest_rows(const ExampleRows& x) {
  const auto columns = column_statistics(x);
  std::vector<double> scale;
  for (const double s : columns.std) scale.push_back(s > 0 ? 1 / s : 0);
  std::vector<double> scaled(x.values.size());
  for (std::size_t k = 0; k < scaled.size(); ++k) {
    scaled[k] = x.values[k] * scale[k % static_cast<std::size_t>(x.columns)];
  }
  std::vector<std::int64_t> nearest(static_cast<std::size_t>(x.rows), -1);
  std::vector<double> best(static_cast<std::size_t>(x.rows), std::numeric_limits<double>::infinity());
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = i + 1; j < x.rows; ++j) {
      const double* a = scaled.data() + i * x.columns;
      const double* b = scaled.data() + j * x.columns;
      double d = 0;
      for (std::int64_t k = 0; k < x.columns; ++k) d += (a[k] - b[k]) * (a[k] - b[k]);
      const auto keep = [&](std::int64_t from, std::int64_t to) {
        const auto f = static_cast<std::size_t>(from);
        if (d < best[f]) best[f] = d, nearest[f] = to;
      };
      keep(i, j);
      keep(j, i);
    }
  }
  return nearest;
}

/// Each column's ranks, equal values sharing their mean: a single huge value does not hide the others.
ExampleRows ranks_of(ExampleRows x) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(x.rows));
  for (std::int64_t j = 0; j < x.columns; ++j) {
    const auto at = [&](std::int64_t i) -> double& { return x.values[static_cast<std::size_t>(i * x.columns + j)]; };
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return at(a) < at(b); });
    std::vector<double> ranks(order.size());
    for (std::size_t first = 0; first < order.size();) {
      std::size_t last = first + 1;
      while (last < order.size() && !(at(order[first]) < at(order[last]))) ++last;
      for (std::size_t k = first; k < last; ++k) {
        ranks[static_cast<std::size_t>(order[k])] = 0.5 * static_cast<double>(first + last - 1);
      }
      first = last;
    }
    for (std::int64_t i = 0; i < x.rows; ++i) at(i) = ranks[static_cast<std::size_t>(i)];
  }
  return x;
}

/// The mean over columns of the correlation of rows with their neighbours.
double neighbour_correlation(const ExampleRows& y, const std::vector<std::int64_t>& nearest) {
  const auto s = column_statistics(y);
  double sum = 0;
  double used = 0;
  for (std::int64_t j = 0; j < y.columns; ++j) {
    const auto column = static_cast<std::size_t>(j);
    if (!(s.std[column] > 0)) continue;
    double r = 0;
    for (std::int64_t i = 0; i < y.rows; ++i) {
      const double a = y.row(i)[j] - s.mean[column];
      const double b = y.row(nearest[static_cast<std::size_t>(i)])[j] - s.mean[column];
      r += a * b;
    }
    sum += r / (static_cast<double>(y.rows) * s.std[column] * s.std[column]);
    used += 1;
  }
  return used > 0 ? sum / used : 0;
}

}  // namespace

NeighbourAgreement neighbour_agreement(const Array& x, const Array& y, std::int64_t limit) {
  NeighbourAgreement result;
  const auto inputs = example_rows(x, limit);
  const auto labels = example_rows(y, limit);
  if (inputs.rows < 16 || inputs.rows != labels.rows) return result;
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(inputs.values.begin(), inputs.values.end(), finite)) return result;
  const auto nearest = nearest_rows(inputs);
  const auto n = static_cast<double>(inputs.rows);
  result.examples = inputs.rows;
  if (is_floating(y.dtype())) {
    result.agreement = neighbour_correlation(ranks_of(labels), nearest);
    result.deviations = result.agreement * std::sqrt(n);
    return result;
  }
  std::unordered_map<double, double> counts;
  double agree = 0;
  for (std::int64_t i = 0; i < labels.rows; ++i) {
    const double* other = labels.row(nearest[static_cast<std::size_t>(i)]);
    for (std::int64_t j = 0; j < labels.columns; ++j) {
      agree += labels.row(i)[j] == other[j] ? 1 : 0;
      counts[labels.row(i)[j]] += 1;
    }
  }
  const double all = n * static_cast<double>(labels.columns);
  for (const auto& [label, count] : counts) result.chance += count / all * (count / all);
  result.agreement = agree / all;
  const double deviation = std::sqrt(result.chance * (1 - result.chance) / n);
  result.deviations = deviation > 0 ? (result.agreement - result.chance) / deviation : 0;
  return result;
}

double rank_correlation(const Array& a, const Array& b) {
  const auto ranks = [](const Array& x) {
    const Array dense = core::contiguous(core::cast(x, f64));
    return ranks_of({x.size(), 1, {dense.data<double>(), dense.data<double>() + dense.size()}});
  };
  const auto x = ranks(a);
  const auto y = ranks(b);
  const auto sx = column_statistics(x);
  const auto sy = column_statistics(y);
  if (!(sx.std[0] > 0) || !(sy.std[0] > 0)) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) sum += (x.values[i] - sx.mean[0]) * (y.values[i] - sy.mean[0]);
  return sum / (static_cast<double>(x.values.size()) * sx.std[0] * sy.std[0]);
}

std::vector<double> class_counts(const Array& y) {
  std::vector<double> counts;
  if (!y.defined() || is_floating(y.dtype())) return counts;
  const Array labels = core::contiguous(core::cast(y, i64));
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const auto label = labels.data<std::int64_t>()[i];
    if (label < 0 || label > 1000000) return {};
    if (static_cast<std::size_t>(label) >= counts.size()) counts.resize(static_cast<std::size_t>(label) + 1);
    counts[static_cast<std::size_t>(label)] += 1;
  }
  return counts;
}

double share_of_repeated_rows(const Array& x) {
  if (!x.defined() || x.size() == 0) return 0;
  const auto width = static_cast<std::size_t>(x.size() / x.shape(0)) * item_size(x.dtype());
  const Array dense = core::contiguous(x);
  std::unordered_map<std::string_view, double> counts;
  for (std::int64_t i = 0; i < dense.shape(0); ++i) {
    counts[{static_cast<const char*>(dense.raw()) + static_cast<std::size_t>(i) * width, width}] += 1;
  }
  double repeated = 0;
  for (const auto& [row, count] : counts) repeated += count > 1 ? count : 0;
  return repeated / static_cast<double>(dense.shape(0));
}

ColumnDistance column_distance(const ExampleRows& a, const ExampleRows& b) {
  ColumnDistance result;
  if (a.columns != b.columns || a.rows == 0 || b.rows == 0) return result;
  const auto n = static_cast<double>(a.rows);
  const auto m = static_cast<double>(b.rows);
  const auto sorted = [](const ExampleRows& x, std::int64_t j) {
    std::vector<double> column;
    for (std::int64_t i = 0; i < x.rows; ++i) column.push_back(x.row(i)[j]);
    std::sort(column.begin(), column.end());
    return column;
  };
  for (std::int64_t j = 0; j < a.columns; ++j) {
    const auto left = sorted(a, j);
    const auto right = sorted(b, j);
    std::size_t l = 0;
    std::size_t r = 0;
    while (l < left.size() && r < right.size()) {
      const double at = std::min(left[l], right[r]);
      while (l < left.size() && !(left[l] > at)) ++l;
      while (r < right.size() && !(right[r] > at)) ++r;
      const double d = std::abs(static_cast<double>(l) / n - static_cast<double>(r) / m);
      if (d > result.distance) result.distance = d, result.column = j;
    }
  }
  // P(D > d) <= 2 exp(-2 d^2 n m / (n + m)), in any of the columns.
  result.by_chance = std::sqrt(0.5 * std::log(2e4 * static_cast<double>(a.columns)) * (n + m) / (n * m));
  return result;
}

double share_of_equal_rows(const Array& a, const Array& b) {
  if (!a.defined() || !b.defined() || a.dtype() != b.dtype() || a.size() == 0 || b.size() == 0) return 0;
  const auto width = [](const Array& x) {
    return static_cast<std::size_t>(x.size() / x.shape(0)) * item_size(x.dtype());
  };
  if (width(a) != width(b)) return 0;
  const Array left = core::contiguous(a);
  const Array right = core::contiguous(b);
  const auto row = [&](const Array& x, std::int64_t i) {
    return std::string_view(static_cast<const char*>(x.raw()) + static_cast<std::size_t>(i) * width(x), width(x));
  };
  std::unordered_set<std::string_view> known;
  for (std::int64_t i = 0; i < right.shape(0); ++i) known.insert(row(right, i));
  double equal = 0;
  for (std::int64_t i = 0; i < left.shape(0); ++i) equal += known.count(row(left, i)) > 0 ? 1 : 0;
  return equal / static_cast<double>(left.shape(0));
}

}  // namespace newtape::inspect
