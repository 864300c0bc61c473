// SPDX-License-Identifier: BSD-3-Clause
// Compiled once for each instruction set; see dispatch.hpp.
#include <newtape/core/kernels/reduce.hpp>

#include <xsimd/xsimd.hpp>

#include <cmath>
#include <limits>

namespace newtape::core::kernels::NEWTAPE_ISA {

extern const ReduceTables reduce;

namespace {

// The same lanes whatever the registers' width, so that every instruction set gives the same bits.
constexpr std::int64_t lanes = 64;
constexpr std::int64_t row_block = 4096;  // elements that gather in T before they join the accumulator
constexpr std::int64_t column_block = 64;  // rows, likewise

struct Sum {
  template <class T>
  static constexpr T start() { return T(0); }
  template <class T>
  static T join(T a, T b) { return a + b; }
};
struct Prod {
  template <class T>
  static constexpr T start() { return T(1); }
  template <class T>
  static T join(T a, T b) { return a * b; }
};
// A NaN wins over everything.
struct Max {
  template <class T>
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  }
  template <class T>
  static T join(T a, T b) { return (a > b) | (a != a) ? a : b; }
};
struct Min {
  template <class T>
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
  template <class T>
  static T join(T a, T b) { return (a < b) | (a != a) ? a : b; }
};

template <class Op, class T, class A>
void reduce_row(const T* x, std::int64_t n, A* acc) {
  while (n > 0) {
    const std::int64_t count = n < row_block ? n : row_block;
    T lane[lanes];
    T rest = Op::template start<T>();
    std::int64_t i = 0;
    if (count >= lanes) {
      for (std::int64_t l = 0; l < lanes; ++l) lane[l] = x[l];
      for (i = lanes; i + lanes <= count; i += lanes) {
        for (std::int64_t l = 0; l < lanes; ++l) lane[l] = Op::join(lane[l], x[i + l]);
      }
      for (std::int64_t width = lanes / 2; width > 0; width /= 2) {
        for (std::int64_t l = 0; l < width; ++l) lane[l] = Op::join(lane[l], lane[l + width]);
      }
      rest = lane[0];
    }
    for (; i < count; ++i) rest = Op::join(rest, x[i]);
    *acc = Op::join(*acc, static_cast<A>(rest));
    x += count;
    n -= count;
  }
}

template <class Op, class T, class A>
void reduce_columns(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, A* acc) {
  T part[tile];
  while (rows > 0) {
    const std::int64_t count = rows < column_block ? rows : column_block;
    for (std::int64_t j = 0; j < columns; ++j) part[j] = x[j];
    std::int64_t i = 1;
    // Four rows at a time: the partial results are read and written a quarter as often.
    for (; i + 4 <= count; i += 4) {
      const T* a = x + i * stride;
      const T* b = a + stride;
      const T* c = b + stride;
      const T* d = c + stride;
      for (std::int64_t j = 0; j < columns; ++j) {
        part[j] = Op::join(part[j], Op::join(Op::join(a[j], b[j]), Op::join(c[j], d[j])));
      }
    }
    for (; i < count; ++i) {
      const T* a = x + i * stride;
      for (std::int64_t j = 0; j < columns; ++j) part[j] = Op::join(part[j], a[j]);
    }
    for (std::int64_t j = 0; j < columns; ++j) acc[j] = Op::join(acc[j], static_cast<A>(part[j]));
    x += count * stride;
    rows -= count;
  }
}

// --- rows of exponentials ---

template <class T>
using Batch = xsimd::batch<T>;
template <class T>
constexpr std::int64_t width = static_cast<std::int64_t>(Batch<T>::size);

/// The last, short piece of a row, filled up with `fill`.
template <class T>
Batch<T> load_rest(const T* x, std::int64_t n, T fill) {
  T buffer[Batch<T>::size];
  for (std::int64_t i = 0; i < width<T>; ++i) buffer[i] = i < n ? x[i] : fill;
  return Batch<T>::load_unaligned(buffer);
}
template <class T>
void store_rest(T* y, std::int64_t n, const Batch<T>& v) {
  T buffer[Batch<T>::size];
  v.store_unaligned(buffer);
  for (std::int64_t i = 0; i < n; ++i) y[i] = buffer[i];
}

template <class T>
T sum_of(const Batch<T>& v) {
  T buffer[Batch<T>::size];
  v.store_unaligned(buffer);
  for (std::int64_t half = width<T> / 2; half > 0; half /= 2) {
    for (std::int64_t i = 0; i < half; ++i) buffer[i] += buffer[i + half];
  }
  return buffer[0];
}

/// Calls f(i, batch) along a row; the short last piece is filled up with `fill`.
template <class T, class F>
void along(const T* x, std::int64_t n, T fill, const F& f) {
  std::int64_t i = 0;
  for (; i + width<T> <= n; i += width<T>) f(i, Batch<T>::load_unaligned(x + i));
  if (i < n) f(i, load_rest(x + i, n - i, fill));
}
template <class T>
void put(T* y, std::int64_t i, std::int64_t n, const Batch<T>& v) {
  if (i + width<T> <= n) {
    v.store_unaligned(y + i);
  } else {
    store_rest(y + i, n - i, v);
  }
}

template <class T>
T row_max(const T* x, std::int64_t n) {
  T m = Max::start<T>();
  reduce_row<Max, T, T>(x, n, &m);
  return m;
}

/// What is subtracted before exponentials are taken: the maximum, unless that is infinite (inf - inf is NaN).
template <class T>
T shift_of(T max) {
  return max == -std::numeric_limits<T>::infinity() ? T(0) : max;
}

template <class T>
void softmax(const T* x, T* y, std::int64_t n) {
  const T shift = shift_of(row_max(x, n));
  Batch<T> total(T(0));
  along(x, n, -std::numeric_limits<T>::infinity(), [&](std::int64_t i, const Batch<T>& v) {
    const auto e = xsimd::exp(v - Batch<T>(shift));
    total += e;
    put(y, i, n, e);
  });
  const Batch<T> scale(T(1) / sum_of(total));
  along<T>(y, n, T(0), [&](std::int64_t i, const Batch<T>& v) { put(y, i, n, v * scale); });
}

/// max + log(sum(exp(x - max)))
template <class T>
T logsumexp(const T* x, std::int64_t n) {
  const T max = row_max(x, n);
  if (max == std::numeric_limits<T>::infinity() || max == -std::numeric_limits<T>::infinity() || max != max) return max;
  Batch<T> total(T(0));
  along(x, n, -std::numeric_limits<T>::infinity(),
        [&](std::int64_t, const Batch<T>& v) { total += xsimd::exp(v - Batch<T>(max)); });
  return max + static_cast<T>(::log(static_cast<double>(sum_of(total))));
}

template <class T>
void log_softmax(const T* x, T* y, std::int64_t n) {
  // In two steps, so that the small differences of large values keep their digits.
  const T max = shift_of(row_max(x, n));
  Batch<T> total(T(0));
  along(x, n, -std::numeric_limits<T>::infinity(),
        [&](std::int64_t, const Batch<T>& v) { total += xsimd::exp(v - Batch<T>(max)); });
  const Batch<T> log_total(static_cast<T>(::log(static_cast<double>(sum_of(total)))));
  along<T>(x, n, T(0), [&](std::int64_t i, const Batch<T>& v) { put(y, i, n, (v - Batch<T>(max)) - log_total); });
}

template <class T>
void softmax_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t n) {
  Batch<T> dot(T(0));
  const Batch<T> one(*g);
  const auto g_at = [&](std::int64_t i) {
    if (scalar) return one;
    return i + width<T> <= n ? Batch<T>::load_unaligned(g + i) : load_rest(g + i, n - i, T(0));
  };
  along<T>(y, n, T(0), [&](std::int64_t i, const Batch<T>& v) { dot += v * g_at(i); });
  const Batch<T> all(sum_of(dot));
  along<T>(y, n, T(0), [&](std::int64_t i, const Batch<T>& v) { put(out, i, n, v * (g_at(i) - all)); });
}

template <class T>
void log_softmax_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t n) {
  double total = 0;
  if (scalar) {
    total = static_cast<double>(*g) * static_cast<double>(n);
  } else {
    reduce_row<Sum, T, double>(g, n, &total);
  }
  const Batch<T> all(static_cast<T>(total));
  const Batch<T> one(*g);
  along<T>(y, n, T(0), [&](std::int64_t i, const Batch<T>& v) {
    const auto gi = scalar                ? one
                    : i + width<T> <= n ? Batch<T>::load_unaligned(g + i)
                                          : load_rest(g + i, n - i, T(0));
    put(out, i, n, gi - xsimd::exp(v) * all);
  });
}

template <class T>
bool all_finite(const T* x, std::int64_t n) {
  constexpr T limit = std::numeric_limits<T>::max();
  int bad = 0;
  for (std::int64_t i = 0; i < n; ++i) bad |= !(x[i] <= limit && x[i] >= -limit);
  return bad == 0;
}

template <class T>
constexpr ReduceTable<T> table_of() {
  using A = typename AccumulatorOf<T>::type;
  return {{reduce_row<Sum, T, A>, reduce_columns<Sum, T, A>},
          {reduce_row<Prod, T, T>, reduce_columns<Prod, T, T>},
          {reduce_row<Max, T, T>, reduce_columns<Max, T, T>},
          {reduce_row<Min, T, T>, reduce_columns<Min, T, T>}};
}
template <class T>
constexpr SoftmaxTable<T> rows_of() {
  return {softmax<T>, log_softmax<T>, logsumexp<T>, softmax_grad<T>, log_softmax_grad<T>, all_finite<T>};
}

}  // namespace

const ReduceTables reduce = {table_of<float>(), table_of<double>(), table_of<std::int64_t>(), rows_of<float>(),
                             rows_of<double>()};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
