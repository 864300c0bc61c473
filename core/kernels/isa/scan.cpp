// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/scan.hpp>

#include "functions.hpp"
#include "integers.hpp"

#include <cstddef>

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

/// Accumulator type: f64 for f32, otherwise the element type.
template <class T>
struct Wide {
  using type = T;
};
template <>
struct Wide<float> {
  using type = double;
};

template <std::size_t bytes>
struct Same {
  using type = std::int64_t;
};
template <>
struct Same<4> {
  using type = std::int32_t;
};

// Each scan defines its initial state and its step.

template <class T>
struct CumSum {
  using A = typename Wide<T>::type;
  using B = A;
  static constexpr A start_a = 0;
  static constexpr B start_b = 0;
  NEWTAPE_INLINE T step(T x, T, A& a, B&) {
    a = wrapping_add(a, static_cast<A>(x));
    return static_cast<T>(a);
  }
};

template <class T>
struct CumProd {
  using A = typename Wide<T>::type;
  using B = A;
  static constexpr A start_a = 1;
  static constexpr B start_b = 0;
  NEWTAPE_INLINE T step(T x, T, A& a, B&) {
    a = wrapping_mul(a, static_cast<A>(x));
    return static_cast<T>(a);
  }
};

template <class T>
struct LinearRecurrence {
  using A = typename Wide<T>::type;
  using B = A;
  static constexpr A start_a = 0;
  static constexpr B start_b = 0;
  NEWTAPE_INLINE T step(T x, T b, A& a, B&) {
    a = static_cast<A>(x) * a + static_cast<A>(b);
    return static_cast<T>(a);
  }
};

/// Running maximum plus the logarithm of a sum of exponentials, none above 1.
template <class T>
struct LogCumSumExp {
  using A = T;
  using B = typename Wide<T>::type;
  static constexpr A start_a = -infinity<T>;
  static constexpr B start_b = 0;
  NEWTAPE_INLINE T step(T x, T, A& top, B& sum) {
    // 0 for equal infinities.
    const T distance = x == top ? T(0) : magnitude(x - top);
    const B e = static_cast<B>(NEWTAPE_ISA::exp(-distance));
    const bool larger = x > top;
    sum = larger ? sum * e + B(1) : sum + e;
    top = larger ? x : top;
    return top + NEWTAPE_ISA::log(static_cast<T>(sum));
  }
};

template <template <class> class S, class T>
void scan1(const Scan& scan) {
  const Scan s = scan;  // a local copy that stores cannot alias
  using A = typename S<T>::A;
  using B = typename S<T>::B;
  const auto* x = static_cast<const T*>(s.x);
  const auto* b = static_cast<const T*>(s.b != nullptr ? s.b : s.x);
  auto* y = static_cast<T*>(s.y);
  auto* state_a = reinterpret_cast<A*>(s.state->a);
  auto* state_b = reinterpret_cast<B*>(s.state->b);
  if (s.columns == 1) {
    A a = s.first ? S<T>::start_a : *state_a;
    B c = s.first ? S<T>::start_b : *state_b;
    for (std::int64_t i = 0; i < s.n; ++i) y[i * s.stride] = S<T>::step(x[i * s.stride], b[i * s.stride], a, c);
    *state_a = a;
    *state_b = c;
    return;
  }
  for (std::int64_t j = 0; s.first && j < s.columns; ++j) {
    state_a[j] = S<T>::start_a;
    state_b[j] = S<T>::start_b;
  }
  for (std::int64_t i = 0; i < s.n; ++i) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t j = 0; j < s.columns; ++j) y[j] = S<T>::step(x[j], b[j], state_a[j], state_b[j]);
    x += s.stride;
    b += s.stride;
    y += s.stride;
  }
}

/// Running maximum (minimum) and the last index at which it occurs. NaN propagates.
template <class T, bool largest>
void scan_extremum(const Scan& scan) {
  const Scan s = scan;
  using Index = typename Same<sizeof(T)>::type;  // as wide as an element, so that the loop vectorizes
  const auto* x = static_cast<const T*>(s.x);
  auto* y = static_cast<T*>(s.y);
  auto* best = reinterpret_cast<T*>(s.state->a);
  auto* where = reinterpret_cast<Index*>(s.state->b);
  auto* index = s.index;
  for (std::int64_t j = 0; s.first && j < s.columns; ++j) {
    best[j] = x[j];
    where[j] = static_cast<Index>(s.at);
  }
  for (std::int64_t i = 0; i < s.n; ++i) {
    const auto at = static_cast<Index>(s.at + i * s.step);
    NEWTAPE_INDEPENDENT
    for (std::int64_t j = 0; j < s.columns; ++j) {
      const T v = x[j];
      const T b = best[j];
      const Index w = where[j];
      // The previous value is new_best if it is strictly better, or if it is NaN and v is not.
      const bool keep = largest ? b > v : b < v;
      const T new_best = keep ? b : v;
      const Index new_index = keep ? w : at;
      const bool nan = b != b && v == v;
      best[j] = nan ? b : new_best;
      where[j] = nan ? w : new_index;
    }
    NEWTAPE_INDEPENDENT
    for (std::int64_t j = 0; j < s.columns; ++j) y[j] = best[j];
    NEWTAPE_INDEPENDENT
    for (std::int64_t j = 0; j < s.columns; ++j) index[j] = where[j];
    x += s.stride;
    y += s.stride;
    index += s.stride;
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ScanTable ScanTable::NEWTAPE_ISA{
    .cumsum = {{NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumSum, float>, NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumSum, double>,
                NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumSum, std::int64_t>}},
    .cumprod = {{NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumProd, float>, NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumProd, double>,
                 NEWTAPE_ISA::scan1<NEWTAPE_ISA::CumProd, std::int64_t>}},
    .logcumsumexp = {{NEWTAPE_ISA::scan1<NEWTAPE_ISA::LogCumSumExp, float>,
                      NEWTAPE_ISA::scan1<NEWTAPE_ISA::LogCumSumExp, double>, nullptr}},
    .cummax = {{NEWTAPE_ISA::scan_extremum<float, true>, NEWTAPE_ISA::scan_extremum<double, true>,
                NEWTAPE_ISA::scan_extremum<std::int64_t, true>}},
    .cummin = {{NEWTAPE_ISA::scan_extremum<float, false>, NEWTAPE_ISA::scan_extremum<double, false>,
                NEWTAPE_ISA::scan_extremum<std::int64_t, false>}},
    .linear_recurrence = {{NEWTAPE_ISA::scan1<NEWTAPE_ISA::LinearRecurrence, float>,
                           NEWTAPE_ISA::scan1<NEWTAPE_ISA::LinearRecurrence, double>, nullptr}},
};
}
