// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/normalize.hpp>

#include "vectors.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {

namespace {

constexpr std::int64_t block = 4096;  // elements accumulated in T before they are added to a double
constexpr int wide = 4;               // independent vector accumulators, to hide the latency of additions

template <class T, int bytes>
NEWTAPE_INLINE T total_of(const Vector<T, bytes>& v) {
  if constexpr (bytes == 16) {
    constexpr auto count = lanes<T, 16>;
    T part[count];
    store(part, v);
    T total = part[0];
    for (std::int64_t l = 1; l < count; ++l) total += part[l];
    return total;
  } else {
    T part[lanes<T, bytes>];
    store(part, v);
    Vector<T, bytes / 2> low;
    Vector<T, bytes / 2> high;
    load(part, low);
    load(part + lanes<T, bytes / 2>, high);
    return total_of<T, bytes / 2>(low + high);
  }
}

/// out += {sum of u, sum of u v} over a run; f(u, v, i) computes u and v for a vector of elements (or one) from i on.
template <class T, class F>
NEWTAPE_INLINE void sum_pairs(std::int64_t n, double* out, const F& f) {
  using V = Vector<T>;
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t end = n - begin < block ? n : begin + block;
    V first[wide] = {};
    V second[wide] = {};
    std::int64_t i = begin;
    for (; i + wide * lanes<T> <= end; i += wide * lanes<T>) {
      for (int k = 0; k < wide; ++k) {
        V u;
        V v;
        f(u, v, i + k * lanes<T>);
        first[k] += u;
        second[k] += u * v;
      }
    }
    for (; i + lanes<T> <= end; i += lanes<T>) {
      V u;
      V v;
      f(u, v, i);
      first[0] += u;
      second[0] += u * v;
    }
    for (int k = 1; k < wide; ++k) {
      first[0] += first[k];
      second[0] += second[k];
    }
    T a = total_of<T, vector_bytes>(first[0]);
    T b = total_of<T, vector_bytes>(second[0]);
    for (; i < end; ++i) {
      T u;
      T v;
      f(u, v, i);
      a += u;
      b += u * v;
    }
    out[0] += static_cast<double>(a);
    out[1] += static_cast<double>(b);
  }
}

template <class T>
NEWTAPE_INLINE void read(const T* p, T& x) {
  x = *p;
}
template <class T>
NEWTAPE_INLINE void read(const T* p, Vector<T>& x) {
  load(p, x);
}

template <class T>
void sums(const T* x, std::int64_t n, T shift, double* out) {
  sum_pairs<T>(n, out, [&](auto& u, auto& v, std::int64_t i) {
    read(x + i, u);
    u -= shift;
    v = u;
  });
}

template <class T>
void dots(const T* g, const T* x, std::int64_t n, T shift, double* out) {
  sum_pairs<T>(n, out, [&](auto& u, auto& v, std::int64_t i) {
    read(g + i, u);
    read(x + i, v);
    v -= shift;
  });
}

template <class T>
void dots_each(const T* g, const T* x, const T* weight, std::int64_t n, T shift, double* out) {
  sum_pairs<T>(n, out, [&](auto& u, auto& v, std::int64_t i) {
    read(g + i, u);
    read(weight + i, v);
    u *= v;
    read(x + i, v);
    v -= shift;
  });
}

template <class T>
void apply(const T* x, T* y, std::int64_t n, T shift, T a, T b) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - shift) * a + b;
}

template <class T>
void apply_each(const T* x, T* y, std::int64_t n, T shift, T a, T b, const T* weight, const T* bias) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = ((x[i] - shift) * a + b) * weight[i] + bias[i];
}

template <class T>
void gather_each(const T* g, const T* x, std::int64_t n, T shift, T a, T b, T* dweight, T* dbias) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    dweight[i] += g[i] * ((x[i] - shift) * a + b);
    dbias[i] += g[i];
  }
}

template <class T>
void back(const T* g, const T* x, T* out, std::int64_t n, T shift, T a, T b, T c) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) out[i] = a * g[i] + (b * (x[i] - shift) + c);
}

template <class T>
void back_each(const T* g, const T* x, const T* weight, T* out, std::int64_t n, T shift, T a, T b, T c) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) out[i] = a * (g[i] * weight[i]) + (b * (x[i] - shift) + c);
}

template <class T>
constexpr NormalizeTable<T> table_of() {
  return {sums<T>, apply<T>, apply_each<T>, dots<T>, dots_each<T>, gather_each<T>, back<T>, back_each<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const NormalizeTables NormalizeTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(),
                                                             NEWTAPE_ISA::table_of<double>()};
}
