// SPDX-License-Identifier: BSD-3-Clause
#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }

template <class T>
void sgd(void* p_, const void* g_, std::int64_t n, const SgdFactors& s) {
  auto* p = static_cast<T*>(p_);
  const auto* g = static_cast<const T*>(g_);
  const T lr = static_cast<T>(s.lr);
  const T weight_decay = static_cast<T>(s.weight_decay);
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) p[i] -= lr * (g[i] + weight_decay * p[i]);
}

template <class T>
void sgd_momentum(void* p_, const void* g_, void* v_, std::int64_t n, const SgdFactors& s) {
  auto* p = static_cast<T*>(p_);
  auto* v = static_cast<T*>(v_);
  const auto* g = static_cast<const T*>(g_);
  const T weight_decay = static_cast<T>(s.weight_decay);
  const T momentum = static_cast<T>(s.momentum);
  const T undamped = static_cast<T>(s.undamped);
  const T lr = static_cast<T>(s.lr);
  // p -= lr (d + momentum v) or lr v, without a branch in the loop.
  const T of_d = s.nesterov ? lr : T(0);
  const T of_v = s.nesterov ? lr * momentum : lr;
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = g[i] + weight_decay * p[i];
    const T next = momentum * v[i] + undamped * d;
    v[i] = next;
    p[i] -= of_d * d + of_v * next;
  }
}

template <class T>
void adam(void* p_, const void* g_, void* m_, void* v_, std::int64_t n, const AdamFactors& s) {
  auto* p = static_cast<T*>(p_);
  auto* m = static_cast<T*>(m_);
  auto* v = static_cast<T*>(v_);
  const auto* g = static_cast<const T*>(g_);
  const T l2 = static_cast<T>(s.l2);
  const T beta1 = static_cast<T>(s.beta1);
  const T beta2 = static_cast<T>(s.beta2);
  const T new1 = static_cast<T>(1 - s.beta1);
  const T new2 = static_cast<T>(1 - s.beta2);
  const T step = static_cast<T>(s.step);
  const T keep = static_cast<T>(s.keep);
  const T eps = static_cast<T>(s.eps);
  const T inverse_bias2 = static_cast<T>(s.inverse_bias2);
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = g[i] + l2 * p[i];
    const T first = beta1 * m[i] + new1 * d;
    const T second = beta2 * v[i] + new2 * (d * d);
    m[i] = first;
    v[i] = second;
    p[i] = keep * p[i] - step * (first / (root(second * inverse_bias2) + eps));
  }
}

/// Sixteen running sums, the same whatever the instruction set's width.
template <class T>
double sum_squares(const void* x_, std::int64_t n) {
  const auto* x = static_cast<const T*>(x_);
  double sums[16] = {};
  const std::int64_t whole = n / 16 * 16;
  for (std::int64_t i = 0; i < whole; i += 16) {
    for (int j = 0; j < 16; ++j) {
      const double value = x[i + j];
      sums[j] += value * value;
    }
  }
  for (std::int64_t i = whole; i < n; ++i) {
    const double value = x[i];
    sums[i - whole] += value * value;
  }
  for (int width = 8; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) sums[j] += sums[j + width];
  }
  return sums[0];
}

template <class T>
constexpr UpdateKernels updates{sgd<T>, sgd_momentum<T>, adam<T>, sum_squares<T>};

}  // namespace

extern const UpdateTable update;
const UpdateTable update{{updates<float>, updates<double>}};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
