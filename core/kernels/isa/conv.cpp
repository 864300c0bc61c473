// SPDX-License-Identifier: BSD-3-Clause
// Convolutions with enough channels use one register-blocked panel: a vector of output channels times a scalar from the
// image, for up to a dozen pixels at once. Those with few channels (depthwise) are vectorized along the pixels.
#include <newtape/core/kernels/conv.hpp>

#include "vectors.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int max_columns = 12;  // times two vectors: 24 of 32 registers
#else
constexpr int max_columns = 6;  // 12 of 16 registers
#endif
constexpr int max_dots = 8;

template <class T, int columns, int vectors>
void panel_of(const ConvPanel<T>& job) {
  Vector<T> sum[columns][vectors];
  const T* x[columns];
  const T* a = job.a;
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) {
    x[j] = job.x + job.columns[j];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      if (job.init != nullptr) {
        load(job.init + v * lanes<T>, sum[j][v]);
      } else {
        load(job.out + (j * vectors + v) * lanes<T>, sum[j][v]);
      }
    }
  }
  for (std::int64_t s = 0; s < job.step_count; ++s, a += vectors * lanes<T>) {
    const std::int64_t at = job.steps[s];
    Vector<T> w[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) load(a + v * lanes<T>, w[v]);
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) {
      const T b = x[j][at];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[j][v] += w[v] * b;
    }
  }
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(job.out + (j * vectors + v) * lanes<T>, sum[j][v]);
  }
}

template <class T, int vectors>
void panel_with(const ConvPanel<T>& job) {
  switch (job.column_count) {
    case 1: return panel_of<T, 1, vectors>(job);
    case 2: return panel_of<T, 2, vectors>(job);
    case 3: return panel_of<T, 3, vectors>(job);
    case 4: return panel_of<T, 4, vectors>(job);
    case 5: return panel_of<T, 5, vectors>(job);
#if defined(__AVX512F__)
    case 6: return panel_of<T, 6, vectors>(job);
    case 7: return panel_of<T, 7, vectors>(job);
    case 8: return panel_of<T, 8, vectors>(job);
    case 9: return panel_of<T, 9, vectors>(job);
    case 10: return panel_of<T, 10, vectors>(job);
    case 11: return panel_of<T, 11, vectors>(job);
#endif
    default: return panel_of<T, max_columns, vectors>(job);
  }
}

template <class T>
void panel(const ConvPanel<T>& job) {
  job.vectors == 1 ? panel_with<T, 1>(job) : panel_with<T, 2>(job);
}

/// `count` vectors of results computed together, to hide the latency of their sums.
template <class T, int count>
NEWTAPE_INLINE void row_vectors(const ConvRows<T>& job, const T* const* x, Vector<T>* sum) {
  Vector<T> part[count];
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k) part[k] = Vector<T>{} + job.init;
  for (std::int64_t s = 0; s < job.step_count; ++s) {
    const T w = job.w[s];
    const std::int64_t at = job.steps[s];
#pragma GCC unroll 4
    for (int k = 0; k < count; ++k) {
      Vector<T> v;
      load(x[k] + at, v);
      part[k] += v * w;
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k) sum[k] = part[k];
}

template <class T>
void rows(const ConvRows<T>& job) {
  const T* x[4];
  T* out[4];
  int pending = 0;
  T* const end = job.out + job.row_count * job.n;
  const auto finish = [&] {
    Vector<T> sum[4];
    if (pending == 4) {
      row_vectors<T, 4>(job, x, sum);
    } else {
      for (int k = 0; k < pending; ++k) row_vectors<T, 1>(job, x + k, sum + k);
    }
    for (int k = 0; k < pending; ++k) {
      if (out[k] + lanes<T> <= end) {
        store(out[k], sum[k]);
      } else {
        __builtin_memcpy(out[k], sum + k, static_cast<std::size_t>(end - out[k]) * sizeof(T));
      }
    }
    pending = 0;
  };
  for (std::int64_t r = 0; r < job.row_count; ++r) {
    for (std::int64_t i = 0; i < job.n; i += lanes<T>) {
      // The last vector of a long row overlaps the previous one; that of a short row overlaps the next row, written
      // later.
      const std::int64_t at = i + lanes<T> > job.n && job.n >= lanes<T> ? job.n - lanes<T> : i;
      x[pending] = job.x + job.rows[r] + at;
      out[pending] = job.out + r * job.n + at;
      if (++pending == 4) finish();
    }
  }
  finish();
}

template <class T, int count>
void dots_of(const ConvDots<T>& job, std::int64_t first) {
  Vector<T> sum[count];
  const T* x[count];
#pragma GCC unroll 8
  for (int j = 0; j < count; ++j) {
    sum[j] = Vector<T>{};
    x[j] = job.x + job.columns[first + j];
  }
  const std::int64_t whole = job.n / lanes<T> * lanes<T>;
  // Masks elements past the end of a row: they may be NaN, so multiplying by zero is not enough.
  decltype(sum[0] > sum[0]) inside = {};
  for (std::int64_t l = 0; l < job.n - whole; ++l) inside[l] = -1;
  for (std::int64_t r = 0; r < job.row_count; ++r) {
    const T* y = job.y + r * job.n;
    const std::int64_t row = job.rows[r];
    Vector<T> g;
    Vector<T> v;
    for (std::int64_t i = 0; i < whole; i += lanes<T>) {
      load(y + i, g);
#pragma GCC unroll 8
      for (int j = 0; j < count; ++j) {
        load(x[j] + row + i, v);
        sum[j] += g * v;
      }
    }
    if (whole == job.n) continue;
    g = Vector<T>{};
    __builtin_memcpy(&g, y + whole, static_cast<std::size_t>(job.n - whole) * sizeof(T));
#pragma GCC unroll 8
    for (int j = 0; j < count; ++j) {
      load(x[j] + row + whole, v);
      sum[j] += g * (inside ? v : Vector<T>{});
    }
  }
  for (int j = 0; j < count; ++j) {
    T total = 0;
    for (std::int64_t l = 0; l < lanes<T>; ++l) total += sum[j][l];
    job.out[first + j] += total;
  }
}

template <class T>
void dots(const ConvDots<T>& job) {
  std::int64_t j = 0;
  for (; j + max_dots <= job.column_count; j += max_dots) dots_of<T, max_dots>(job, j);
  for (; j + 3 <= job.column_count; j += 3) dots_of<T, 3>(job, j);
  for (; j < job.column_count; ++j) dots_of<T, 1>(job, j);
}

template <class T>
constexpr ConvTable<T> table_of() {
  return {lanes<T>, max_columns, panel<T>, rows<T>, dots<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ConvTables ConvTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(), NEWTAPE_ISA::table_of<double>()};
}
