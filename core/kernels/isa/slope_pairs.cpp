// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/slope_pairs.hpp>

#include "tanh_pair.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

struct TanhPair {
  template <class T>
  NEWTAPE_INLINE ValueSlope<T> of(T x) {
    return tanh_pair(x);
  }
};

/// As sigmoid and sigmoid_terms.
struct SigmoidPair {
  template <class T>
  NEWTAPE_INLINE ValueSlope<T> of(T x) {
    const T e = exp_below(-magnitude(x));
    const T larger = 1 / (1 + e);
    return {(x >= 0 ? T(1) : e) / (1 + e), larger * (e * larger)};
  }
};

template <class F, class T>
[[gnu::noinline]] void vectors(const T* x, T* y, T* slope, std::int64_t n) {
  n = n / whole_vector<T> * whole_vector<T>;
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const ValueSlope<T> pair = F::of(x[i]);
    y[i] = pair.value;
    slope[i] = pair.slope;
  }
}

/// Whole vectors only, as in map1_whole.
template <class F, class T>
void pairs(const void* x_, void* y_, void* slope_, std::int64_t n) {
  const auto* x = static_cast<const T*>(x_);
  auto* y = static_cast<T*>(y_);
  auto* slope = static_cast<T*>(slope_);
  const std::int64_t whole = n / whole_vector<T> * whole_vector<T>;
  if (whole != 0) vectors<F>(x, y, slope, whole);
  if (whole == n) return;
  T values[whole_vector<T>] = {};
  T slopes[whole_vector<T>];
  for (std::int64_t i = whole; i < n; ++i) values[i - whole] = x[i];
  vectors<F>(values, values, slopes, whole_vector<T>);
  for (std::int64_t i = whole; i < n; ++i) {
    y[i] = values[i - whole];
    slope[i] = slopes[i - whole];
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const SlopePairs SlopePairs::NEWTAPE_ISA{
    {{"tanh", "tanh_grad", NEWTAPE_ISA::pairs<NEWTAPE_ISA::TanhPair, float>,
      NEWTAPE_ISA::pairs<NEWTAPE_ISA::TanhPair, double>},
     {"sigmoid", "sigmoid_grad", NEWTAPE_ISA::pairs<NEWTAPE_ISA::SigmoidPair, float>,
      NEWTAPE_ISA::pairs<NEWTAPE_ISA::SigmoidPair, double>}}};
}
