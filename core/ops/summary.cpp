// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/summary.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace newtape::core {
namespace {

constexpr std::int64_t summary_piece = 1 << 16;  // elements that one thread reads at a time

constexpr kernels::SummaryTotals nothing() {
  return {0, 0, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0, 0, 0};
}

void put(ArraySummary& s, const kernels::SummaryTotals& t) {
  s.sum += t.sum;
  s.sum_squares += t.sum_squares;
  s.min = std::min(s.min, t.min);
  s.max = std::max(s.max, t.max);
  s.zeros += t.zeros;
  s.saturated += t.saturated;
  s.non_finite += t.non_finite;
}

/// Whether the elements fill `size` places of memory from the first one, in any order of the axes.
bool fills_memory(const Array& x) {
  if (x.is_contiguous()) return true;
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;  // stride, length
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (x.shape()[i] != 1) axes.emplace_back(x.strides()[i], x.shape()[i]);
  }
  std::sort(axes.begin(), axes.end());
  std::int64_t next = 1;
  for (const auto& [stride, length] : axes) {
    if (stride != next) return false;
    next *= length;
  }
  return true;
}

/// Calls f(first, count) for each block that is examined.
template <class F>
void each_block(std::int64_t size, std::int64_t max_elements, const F& f) {
  if (max_elements <= 0 || size <= max_elements || size <= summary_block) {
    for (std::int64_t at = 0; at < size; at += summary_piece) f(at, std::min(summary_piece, size - at));
    return;
  }
  const auto blocks = std::max<std::int64_t>(1, max_elements / summary_block);
  const auto room = size - summary_block;
  for (std::int64_t b = 0; b < blocks; ++b) f(blocks == 1 ? 0 : room / (blocks - 1) * b, summary_block);
}

/// An end of the range as an element, so that comparisons are made in T.
template <class T>
T end_of_range(double end) {
  constexpr double limit = static_cast<double>(std::numeric_limits<T>::max());
  if (end > limit) return std::numeric_limits<T>::infinity();
  return end < -limit ? -std::numeric_limits<T>::infinity() : static_cast<T>(end);
}

/// Blocks of a sample side by side, as a call of the kernel costs as much as half a block.
template <class T>
class SampleRow {
 public:
  /// Where the next block is to be written.
  T* place() { return values_ + summary_block * blocks_++; }
  bool full() const { return blocks_ == most; }
  void empty_into(const kernels::SummaryTable<T>& table, T low, T high, kernels::SummaryTotals& totals) {
    if (blocks_ > 0) table.row(values_, summary_block * blocks_, low, high, &totals);
    blocks_ = 0;
  }

 private:
  static constexpr std::int64_t most = 8;
  T values_[most * summary_block];
  std::int64_t blocks_ = 0;
};

template <class T>
void summarize_into(const kernels::SummaryTable<T>& table, const Array& x, const SummarizeOptions& o,
                    ArraySummary& result) {
  const T* data = x.data<T>();
  const T low = end_of_range<T>(o.low);
  const T high = end_of_range<T>(o.high);
  const bool sampled = o.max_elements > 0 && x.size() > o.max_elements;
  if (x.size() <= summary_piece || (sampled && o.max_elements <= summary_piece)) {  // one thread, without lists
    auto totals = nothing();
    SampleRow<T> row;
    each_block(x.size(), o.max_elements, [&](std::int64_t at, std::int64_t n) {
      result.examined += n;
      if (sampled && n == summary_block) {
        std::copy(data + at, data + at + n, row.place());
        if (row.full()) row.empty_into(table, low, high, totals);
      } else {
        table.row(data + at, n, low, high, &totals);
      }
    });
    row.empty_into(table, low, high, totals);
    put(result, totals);
    return;
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> blocks;
  each_block(x.size(), o.max_elements, [&](std::int64_t at, std::int64_t n) { blocks.emplace_back(at, n); });
  std::vector<kernels::SummaryTotals> totals(blocks.size(), nothing());
  const auto whole = blocks.empty() ? 1 : std::max<std::int64_t>(1, summary_piece / blocks[0].second);
  newtape::detail::parallel_for(
      static_cast<std::int64_t>(blocks.size()), whole, [&](std::int64_t begin, std::int64_t end) {
        for (auto b = static_cast<std::size_t>(begin); b < static_cast<std::size_t>(end); ++b) {
          table.row(data + blocks[b].first, blocks[b].second, low, high, &totals[b]);
        }
      });
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    put(result, totals[b]);
    result.examined += blocks[b].second;
  }
}

Array dense_values(const Array& x) { return fills_memory(x) ? x : copy(x); }

}  // namespace

double ArraySummary::mean() const noexcept {
  const auto finite = examined - non_finite;
  return finite == 0 ? 0 : sum / static_cast<double>(finite);
}
double ArraySummary::rms() const noexcept {
  const auto finite = examined - non_finite;
  return finite == 0 ? 0 : std::sqrt(sum_squares / static_cast<double>(finite));
}
double ArraySummary::norm() const noexcept {
  return examined == size ? std::sqrt(sum_squares) : rms() * std::sqrt(static_cast<double>(size));
}
double ArraySummary::std() const noexcept {
  const double m = mean();
  const double r = rms();
  return std::sqrt(std::max(0.0, r * r - m * m));
}

void ArraySummary::merge(const ArraySummary& other) noexcept {
  size += other.size;
  examined += other.examined;
  put(*this, {other.sum, other.sum_squares, other.min, other.max, other.zeros, other.saturated, other.non_finite});
}

ArraySummary summarize(const Array& x, const SummarizeOptions& options) {
  if (recorder() != nullptr) recorder()->accessed(x);
  expect_floating("summarize", x);
  ArraySummary result;
  result.size = x.size();
  if (x.size() == 0) return result;
  const Array values = dense_values(x);
  if (values.dtype() == f32) {
    summarize_into(kernels::select<kernels::SummaryTables, float>(), values, options, result);
  } else {
    summarize_into(kernels::select<kernels::SummaryTables, double>(), values, options, result);
  }
  return result;
}

Array summary_sample(const Array& x, std::int64_t max_elements) {
  if (recorder() != nullptr) recorder()->accessed(x);
  if (!x.defined()) raise<ValueError>("summary_sample: the array is undefined", "an array", describe(x));
  const Array values = dense_values(x);
  std::int64_t count = 0;
  each_block(values.size(), max_elements, [&](std::int64_t, std::int64_t n) { count += n; });
  Array sample = Array::empty({count}, values.dtype());
  const auto bytes = static_cast<std::int64_t>(item_size(values.dtype()));
  auto* to = static_cast<std::byte*>(sample.raw());
  const auto* from = static_cast<const std::byte*>(values.raw());
  each_block(values.size(), max_elements, [&](std::int64_t at, std::int64_t n) {
    std::memcpy(to, from + at * bytes, static_cast<std::size_t>(n * bytes));
    to += n * bytes;
  });
  return sample;
}

namespace {
template <class T>
void summarize_change_into(const kernels::SummaryTable<T>& table, const Array& x, const Array& before,
                           std::int64_t max_elements, ArraySummary& result) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T* const now = x.data<T>();
  const T* old = before.data<T>();
  auto totals = nothing();
  SampleRow<T> row;
  each_block(x.size(), max_elements, [&](std::int64_t at, std::int64_t n) {
    for (std::int64_t from = 0; from < n; from += summary_block) {
      const auto count = std::min(summary_block, n - from);
      T last[summary_block];
      T* const change = count == summary_block ? row.place() : last;
      for (std::int64_t i = 0; i < count; ++i) change[i] = now[at + from + i] - old[i];
      if (count < summary_block) table.row(change, count, -infinity, infinity, &totals);
      if (row.full()) row.empty_into(table, -infinity, infinity, totals);
      old += count;
    }
    result.examined += n;
  });
  row.empty_into(table, -infinity, infinity, totals);
  put(result, totals);
}
}  // namespace

ArraySummary summarize_change(const Array& x, const Array& before, std::int64_t max_elements) {
  expect_floating("summarize_change", x);
  const Array values = dense_values(x);
  std::int64_t count = 0;
  each_block(values.size(), max_elements, [&](std::int64_t, std::int64_t n) { count += n; });
  if (before.dtype() != x.dtype() || before.size() != count || !before.is_contiguous()) {
    raise<ValueError>("summarize_change: the sample must be one of this array",
                      std::string(name(x.dtype())) + " [" + std::to_string(count) + "]", describe(before));
  }
  ArraySummary result;
  result.size = x.size();
  if (values.dtype() == f32) {
    summarize_change_into(kernels::select<kernels::SummaryTables, float>(), values, before, max_elements, result);
  } else {
    summarize_change_into(kernels::select<kernels::SummaryTables, double>(), values, before, max_elements, result);
  }
  return result;
}

}  // namespace newtape::core
