// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/summary.hpp>

#include <limits>
#include <type_traits>

namespace newtape::core::kernels::NEWTAPE_ISA {

extern const SummaryTables summary;

namespace {

constexpr std::int64_t lanes = 16;  // the same for every instruction set, so that sums have the same bits

template <class T>
struct Lanes {
  using Count = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  double sum[lanes] = {};
  double squares[lanes] = {};
  T min[lanes];
  T max[lanes];
  Count zeros[lanes] = {};
  Count saturated[lanes] = {};
  Count bad[lanes] = {};
};

/// Each loop has one accumulator type, so that compilers vectorise it.
template <class T>
void add(const T* x, T low, T high, Lanes<T>& a) {
  using Count = typename Lanes<T>::Count;
  constexpr T limit = std::numeric_limits<T>::max();
  T v[lanes];
  for (std::int64_t l = 0; l < lanes; ++l) {
    const bool finite = (x[l] <= limit) & (x[l] >= -limit);
    v[l] = finite ? x[l] : T(0);
    a.bad[l] += static_cast<Count>(!finite);
    a.zeros[l] += static_cast<Count>(x[l] == 0);
    a.saturated[l] += static_cast<Count>(((v[l] <= low) | (v[l] >= high)) & (v[l] != 0));
    const T least = finite ? x[l] : limit;
    const T most = finite ? x[l] : -limit;
    a.min[l] = least < a.min[l] ? least : a.min[l];
    a.max[l] = most > a.max[l] ? most : a.max[l];
  }
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double wide = static_cast<double>(v[l]);
    a.sum[l] += wide;
    a.squares[l] += wide * wide;
  }
}

template <class T>
void summarize_row(const T* x, std::int64_t n, T low, T high, SummaryTotals* totals) {
  Lanes<T> a;
  for (std::int64_t l = 0; l < lanes; ++l) {
    a.min[l] = std::numeric_limits<T>::max();
    a.max[l] = -std::numeric_limits<T>::max();
  }
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) add(x + i, low, high, a);
  if (i < n) {
    T rest[lanes];
    // NaN in the unused lanes changes neither sums nor extremes; their count is taken back.
    for (std::int64_t l = 0; l < lanes; ++l) rest[l] = i + l < n ? x[i + l] : std::numeric_limits<T>::quiet_NaN();
    add(rest, low, high, a);
    totals->non_finite -= lanes - (n - i);
  }
  for (std::int64_t l = 0; l < lanes; ++l) {
    totals->sum += a.sum[l];
    totals->sum_squares += a.squares[l];
    const double least = static_cast<double>(a.min[l]);
    const double most = static_cast<double>(a.max[l]);
    totals->min = least < totals->min ? least : totals->min;
    totals->max = most > totals->max ? most : totals->max;
    totals->zeros += a.zeros[l];
    totals->saturated += a.saturated[l];
    totals->non_finite += a.bad[l];
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const SummaryTables SummaryTables::NEWTAPE_ISA{.f32 = {NEWTAPE_ISA::summarize_row<float>},
                                                         .f64 = {NEWTAPE_ISA::summarize_row<double>}};
}
