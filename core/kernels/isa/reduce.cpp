// SPDX-License-Identifier: BSD-3-Clause
// Compiled once per instruction set; see dispatch.hpp.
#include <newtape/core/kernels/reduce.hpp>

#include "integers.hpp"

#include <limits>

namespace newtape::core::kernels::NEWTAPE_ISA {

extern const ReduceTables reduce;

namespace {

// The number of lanes does not depend on the register width, so that every instruction set gives the same bits.
constexpr std::int64_t lanes = 64;
constexpr std::int64_t row_block = 4096;  // elements accumulated in T before they are added to the accumulator
constexpr std::int64_t column_block = few_rows;

// Transformation of an element before it is accumulated; the identity for most reductions.
struct Plain {
  template <class T>
  static T of(T x) {
    return x;
  }
};
struct Sum : Plain {
  template <class T>
  static constexpr T start() {
    return T(0);
  }
  template <class T>
  static T join(T a, T b) {
    return wrapping_add(a, b);
  }
};
struct SumSquares : Sum {
  template <class T>
  static T of(T x) {
    return wrapping_mul(x, x);
  }
};
struct Prod : Plain {
  template <class T>
  static constexpr T start() {
    return T(1);
  }
  template <class T>
  static T join(T a, T b) {
    return wrapping_mul(a, b);
  }
};
// NaN propagates.
struct Max : Plain {
  template <class T>
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::lowest();
  }
  template <class T>
  static T join(T a, T b) {
    const T larger = a > b ? a : b;
    return a != a ? a : larger;
  }
};
struct Min : Plain {
  template <class T>
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
  template <class T>
  static T join(T a, T b) {
    const T smaller = a < b ? a : b;
    return a != a ? a : smaller;
  }
};

template <class Op, class T, class A>
void reduce_row(const T* x, std::int64_t n, A* acc) {
  while (n > 0) {
    const std::int64_t count = n < row_block ? n : row_block;
    T lane[lanes];
    T rest = Op::template start<T>();
    std::int64_t i = 0;
    if (count >= lanes) {
      for (std::int64_t l = 0; l < lanes; ++l) lane[l] = Op::of(x[l]);
      for (i = lanes; i + lanes <= count; i += lanes) {
        for (std::int64_t l = 0; l < lanes; ++l) lane[l] = Op::join(lane[l], Op::of(x[i + l]));
      }
      for (std::int64_t width = lanes / 2; width > 0; width /= 2) {
        for (std::int64_t l = 0; l < width; ++l) lane[l] = Op::join(lane[l], lane[l + width]);
      }
      rest = lane[0];
    }
    for (; i < count; ++i) rest = Op::join(rest, Op::of(x[i]));
    *acc = Op::join(*acc, static_cast<A>(rest));
    x += count;
    n -= count;
  }
}

/// part[j] = x[j] op x[stride + j] op .., for at least one row.
template <class Op, class T>
[[gnu::always_inline]] inline void join_rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                                             T* __restrict__ part) {
  for (std::int64_t j = 0; j < columns; ++j) part[j] = Op::of(x[j]);
  std::int64_t i = 1;
  // Four rows at a time, to load and store the accumulators a quarter as often.
  for (; i + 4 <= rows; i += 4) {
    const T* a = x + i * stride;
    const T* b = a + stride;
    const T* c = b + stride;
    const T* d = c + stride;
    for (std::int64_t j = 0; j < columns; ++j) {
      part[j] = Op::join(part[j], Op::join(Op::join(Op::of(a[j]), Op::of(b[j])), Op::join(Op::of(c[j]), Op::of(d[j]))));
    }
  }
  for (; i < rows; ++i) {
    const T* a = x + i * stride;
    for (std::int64_t j = 0; j < columns; ++j) part[j] = Op::join(part[j], Op::of(a[j]));
  }
}

template <class Op, class T, class A>
void reduce_columns(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, A* acc) {
  T part[tile];
  while (rows > 0) {
    const std::int64_t count = rows < column_block ? rows : column_block;
    join_rows<Op>(x, count, stride, columns, part);
    for (std::int64_t j = 0; j < columns; ++j) acc[j] = Op::join(acc[j], static_cast<A>(part[j]));
    x += count * stride;
    rows -= count;
  }
}

// A sum that is accumulated in T is the same number in the accumulator, and in T again.
template <class T>
void sum_few_rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, T* out) {
  if (rows == 2) {  // the gradient of an operand that was broadcast over a pair
    for (std::int64_t j = 0; j < columns; ++j) out[j] = Sum::join(T(0), Sum::join(x[j], x[stride + j]));
    return;
  }
  join_rows<Sum>(x, rows, stride, columns, out);
  for (std::int64_t j = 0; j < columns; ++j) out[j] = Sum::join(T(0), out[j]);
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
          {reduce_row<SumSquares, T, A>, reduce_columns<SumSquares, T, A>},
          sum_few_rows<T>,
          {reduce_row<Prod, T, T>, reduce_columns<Prod, T, T>},
          {reduce_row<Max, T, T>, reduce_columns<Max, T, T>},
          {reduce_row<Min, T, T>, reduce_columns<Min, T, T>},
          all_finite<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ReduceTables ReduceTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(), NEWTAPE_ISA::table_of<double>(),
                                                       NEWTAPE_ISA::table_of<std::int64_t>()};
}
