// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/summary.hpp>

#include "vectors.hpp"

#include <limits>
#include <type_traits>

namespace newtape::core::kernels::NEWTAPE_ISA {

extern const SummaryTables summary;

namespace {

constexpr std::int64_t summary_lanes = 16;  // the same for every instruction set, so that sums have the same bits

/// Vectors of counts, and of as many elements as a vector of f64 has.
template <class T>
struct SummaryVectors;
template <>
struct SummaryVectors<float> {
  using Count = std::int32_t __attribute__((vector_size(vector_bytes)));
  using Part = float __attribute__((vector_size(vector_bytes / 2)));
};
template <>
struct SummaryVectors<double> {
  using Count = std::int64_t __attribute__((vector_size(vector_bytes)));
  using Part = Vector<double>;
};

/// The elements of `x` where `mask` is set, else those of `other`.
template <class V, class M>
NEWTAPE_INLINE V choose(M mask, V x, V other) {
  return (V)(((M)x & mask) | ((M)other & ~mask));
}

/// The totals of the lanes of one vector register: all of them stay in registers.
template <class T>
struct VectorTotals {
  using V = Vector<T>;
  using M = typename SummaryVectors<T>::Count;
  static constexpr std::int64_t width = lanes<T>;
  static constexpr int halves = sizeof(double) / sizeof(T);  // vectors of f64 for one of T
  static constexpr T limit = std::numeric_limits<T>::max();
  /// All bits but the sign.
  static constexpr auto magnitude =
      std::numeric_limits<std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>::max();

  Vector<double> sum[halves] = {};
  Vector<double> squares[halves] = {};
  V min = V{} + limit;
  V max = V{} - limit;
  M zeros{};  // comparisons are -1 where they hold, so counts are subtracted
  M saturated{};
  M bad{};

  template <bool ranged>
  [[gnu::always_inline]] inline void add(const T* p, T low, T high) {
    V x;
    load(p, x);
    const M finite = (M)((V)((M)x & magnitude) <= limit);
    bad -= ~finite;
    zeros -= (M)(x == T(0));
    const V v = choose(finite, x, V{});
    if constexpr (ranged) saturated -= ((M)(v <= low) | (M)(v >= high)) & (M)(v != T(0));
    min = choose(finite & (M)(x < min), x, min);
    max = choose(finite & (M)(x > max), x, max);
    for (int h = 0; h < halves; ++h) {
      typename SummaryVectors<T>::Part part;
      __builtin_memcpy(&part, reinterpret_cast<const char*>(&v) + h * sizeof part, sizeof part);
      const auto wide = __builtin_convertvector(part, Vector<double>);
      sum[h] += wide;
      squares[h] += wide * wide;
    }
  }
  /// Lane by lane, in their order.
  void put(SummaryTotals* totals) const {
    for (std::int64_t l = 0; l < width; ++l) {
      constexpr std::int64_t wide = lanes<double>;
      totals->sum += sum[l / wide][l % wide];
      totals->sum_squares += squares[l / wide][l % wide];
      const double least = static_cast<double>(min[l]);
      const double most = static_cast<double>(max[l]);
      totals->min = least < totals->min ? least : totals->min;
      totals->max = most > totals->max ? most : totals->max;
      totals->zeros += zeros[l];
      totals->saturated += saturated[l];
      totals->non_finite += bad[l];
    }
  }
};

template <bool ranged, class T>
void summarize_lanes(const T* x, std::int64_t n, T low, T high, SummaryTotals* totals) {
  const std::int64_t whole = n - n % summary_lanes;
  T rest[summary_lanes];
  // NaN in the unused lanes changes neither sums nor extremes; their count is taken back.
  for (std::int64_t l = 0; l < summary_lanes; ++l) {
    rest[l] = whole + l < n ? x[whole + l] : std::numeric_limits<T>::quiet_NaN();
  }
  // One vector of the lanes after the other, as the totals of all do not fit into the registers.
  for (std::int64_t part = 0; part < summary_lanes; part += VectorTotals<T>::width) {
    VectorTotals<T> t;
    for (std::int64_t i = 0; i < whole; i += summary_lanes) t.template add<ranged>(x + i + part, low, high);
    if (whole < n) t.template add<ranged>(rest + part, low, high);
    t.put(totals);
  }
  if (whole < n) totals->non_finite -= summary_lanes - (n - whole);
}

template <class T>
void summarize_row(const T* x, std::int64_t n, T low, T high, SummaryTotals* totals) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  if (low == -infinity && high == infinity) {
    summarize_lanes<false>(x, n, low, high, totals);
  } else {
    summarize_lanes<true>(x, n, low, high, totals);
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const SummaryTables SummaryTables::NEWTAPE_ISA{.f32 = {NEWTAPE_ISA::summarize_row<float>},
                                                         .f64 = {NEWTAPE_ISA::summarize_row<double>}};
}
