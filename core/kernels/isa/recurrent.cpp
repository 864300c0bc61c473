// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/recurrent.hpp>

#include "tanh_pair.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

/// s(x), s(-x) and the derivative s(x) s(-x), from one exponential: 1 - s(x) has no digits where s(x) is near 1.
template <class T>
struct Gate {
  T value, complement, slope;
};
template <class T>
NEWTAPE_INLINE Gate<T> gate(T x) {
  const T e = exp_below(-magnitude(x));
  const T larger = 1 / (1 + e);
  const T smaller = e * larger;
  return {x >= 0 ? larger : smaller, x >= 0 ? smaller : larger, larger * smaller};
}
template <class T>
void tanhs(const T* a, T* h, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) h[j] = NEWTAPE_ISA::tanh(a[j]);
}
template <class T>
void relus(T* x, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) x[j] = x[j] < 0 ? T(0) : x[j];
}
template <class T>
NEWTAPE_INLINE void accumulate_into(T* d, const T* g, std::int64_t n) {
  if (g == nullptr) return;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) d[j] += g[j];
}

template <class T>
void lstm(const T* a, const T* c0, T* c, T* h, std::int64_t n) {
  const T* const f = a + n;
  const T* const g = f + n;
  const T* const o = g + n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    c[j] = NEWTAPE_ISA::sigmoid(f[j]) * c0[j] + NEWTAPE_ISA::sigmoid(a[j]) * NEWTAPE_ISA::tanh(g[j]);
  }
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) h[j] = NEWTAPE_ISA::sigmoid(o[j]) * NEWTAPE_ISA::tanh(c[j]);
}

template <class T>
void lstm_grad(const T* a, const T* c0, const T* c, const T* gh, const T* gc, T* dh, T* dc, T* da, std::int64_t n) {
  accumulate_into(dh, gh, n);
  accumulate_into(dc, gc, n);
  const T* const f = a + n;
  const T* const g = f + n;
  const T* const o = g + n;
  T* const df = da + n;
  T* const dg = df + n;
  T* const d_o = dg + n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const Gate<T> s = gate(o[j]);
    const ValueSlope<T> y = tanh_pair(c[j]);
    d_o[j] = strong(dh[j], y.value * s.slope);
    dc[j] += strong(dh[j], s.value * y.slope);
    dh[j] = 0;
  }
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const T d = dc[j];
    const Gate<T> in = gate(a[j]);
    const Gate<T> forget = gate(f[j]);
    const ValueSlope<T> x = tanh_pair(g[j]);
    da[j] = strong(d, x.value * in.slope);
    df[j] = strong(d, c0[j] * forget.slope);
    dg[j] = strong(d, in.value * x.slope);
    dc[j] = strong(d, forget.value);
  }
}

template <class T>
void gru(T* a, const T* u, const T* h0, T* h, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < 2 * n; ++j) a[j] += u[j];
  const T* const z = a + n;
  T* const m = a + 2 * n;
  const T* const q = u + 2 * n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const T x = m[j] + NEWTAPE_ISA::sigmoid(a[j]) * q[j];
    const Gate<T> keep = gate(z[j]);
    m[j] = x;
    h[j] = keep.complement * NEWTAPE_ISA::tanh(x) + keep.value * h0[j];
  }
}

template <class T>
void gru_grad(const T* a, const T* q, const T* h0, const T* g, T* d, T* da, T* du, std::int64_t n) {
  accumulate_into(d, g, n);
  const T* const z = a + n;
  const T* const m = z + n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const Gate<T> reset = gate(a[j]);
    const Gate<T> keep = gate(z[j]);
    const ValueSlope<T> y = tanh_pair(m[j]);
    const T to_n = strong(d[j], keep.complement * y.slope);
    const T to_z = strong(d[j], (h0[j] - y.value) * keep.slope);
    const T to_r = strong(to_n, q[j] * reset.slope);
    da[j] = to_r;
    da[n + j] = to_z;
    da[2 * n + j] = to_n;
    du[j] = to_r;
    du[n + j] = to_z;
    du[2 * n + j] = strong(to_n, reset.value);
    d[j] = strong(d[j], keep.value);
  }
}

template <class T>
void tanh_grad(const T* a, const T* g, T* d, T* da, std::int64_t n) {
  accumulate_into(d, g, n);
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    da[j] = strong(d[j], tanh_slope(a[j]));
    d[j] = 0;
  }
}
template <class T>
void relu_grad(const T* h, const T* g, T* d, T* da, std::int64_t n) {
  accumulate_into(d, g, n);
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    da[j] = h[j] > 0 ? d[j] : T(0);
    d[j] = 0;
  }
}

template <class T>
constexpr RecurrentTable<T> table_of() {
  return {lstm<T>, lstm_grad<T>, gru<T>, gru_grad<T>, tanhs<T>, relus<T>, tanh_grad<T>, relu_grad<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const RecurrentTables RecurrentTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(),
                                                             NEWTAPE_ISA::table_of<double>()};
}
