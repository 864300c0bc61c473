// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/recurrent.hpp>

#include "functions.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T>
NEWTAPE_INLINE void sigmoids(T* x, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) x[j] = NEWTAPE_ISA::sigmoid(x[j]);
}
template <class T>
void tanhs(T* x, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) x[j] = NEWTAPE_ISA::tanh(x[j]);
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
void lstm(T* a, const T* c0, T* c, T* h, std::int64_t n) {
  T* const f = a + n;
  T* const g = f + n;
  T* const o = g + n;
  sigmoids(a, 2 * n);
  tanhs(g, n);
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const T s = NEWTAPE_ISA::sigmoid(o[j]);
    const T y = f[j] * c0[j] + a[j] * g[j];
    o[j] = s;
    c[j] = y;
    h[j] = s * NEWTAPE_ISA::tanh(y);
  }
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
    const T y = NEWTAPE_ISA::tanh(c[j]);
    const T d = dc[j] + strong(dh[j], o[j] * (1 - y * y));
    da[j] = strong(d, g[j] * (a[j] * (1 - a[j])));
    df[j] = strong(d, c0[j] * (f[j] * (1 - f[j])));
    dg[j] = strong(d, a[j] * (1 - g[j] * g[j]));
    d_o[j] = strong(dh[j], y * (o[j] * (1 - o[j])));
    dc[j] = strong(d, f[j]);
    dh[j] = 0;
  }
}

template <class T>
void gru(T* a, const T* u, const T* h0, T* h, std::int64_t n) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < 2 * n; ++j) a[j] = NEWTAPE_ISA::sigmoid(a[j] + u[j]);
  const T* const z = a + n;
  T* const m = a + 2 * n;
  const T* const q = u + 2 * n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const T y = NEWTAPE_ISA::tanh(m[j] + a[j] * q[j]);
    m[j] = y;
    h[j] = (1 - z[j]) * y + z[j] * h0[j];
  }
}

template <class T>
void gru_grad(const T* a, const T* q, const T* h0, const T* g, T* d, T* da, T* du, std::int64_t n) {
  accumulate_into(d, g, n);
  const T* const z = a + n;
  const T* const m = z + n;
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    const T to_n = strong(d[j], (1 - z[j]) * (1 - m[j] * m[j]));
    const T to_z = strong(d[j], (h0[j] - m[j]) * (z[j] * (1 - z[j])));
    const T to_r = strong(to_n, q[j] * (a[j] * (1 - a[j])));
    da[j] = to_r;
    da[n + j] = to_z;
    da[2 * n + j] = to_n;
    du[j] = to_r;
    du[n + j] = to_z;
    du[2 * n + j] = strong(to_n, a[j]);
    d[j] = strong(d[j], z[j]);
  }
}

template <class T>
void tanh_grad(const T* h, const T* g, T* d, T* da, std::int64_t n) {
  accumulate_into(d, g, n);
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    da[j] = strong(d[j], 1 - h[j] * h[j]);
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
