// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/blocks.hpp>

#include "vectors.hpp"

#include <cmath>
#include <utility>

namespace newtape::core::kernels::NEWTAPE_ISA {

namespace {

/// q doubles in registers: vectors of `width`, then of half of it, and so on.
template <int q, int width>
struct Row {
  static constexpr int whole = q / width;
  using V = Vector<double, width * 8>;
  V head[whole > 0 ? whole : 1];
  Row<q % width, width / 2> tail;

  NEWTAPE_INLINE void read(Row& row, const double* p) {
    for (int i = 0; i < whole; ++i) load(p + i * width, row.head[i]);
    row.tail.read(row.tail, p + whole * width);
  }
  NEWTAPE_INLINE void write(const Row& row, double* p) {
    for (int i = 0; i < whole; ++i) store(p + i * width, row.head[i]);
    row.tail.write(row.tail, p + whole * width);
  }
  NEWTAPE_INLINE void add(Row& row, double x, const Row& b) {
    for (int i = 0; i < whole; ++i) row.head[i] += x * b.head[i];
    row.tail.add(row.tail, x, b.tail);
  }
};
template <int q>
struct Row<q, 1> {
  double head[1];
  NEWTAPE_INLINE void read(Row& row, const double* p) {
    if constexpr (q > 0) row.head[0] = *p;
  }
  NEWTAPE_INLINE void write(const Row& row, double* p) {
    if constexpr (q > 0) *p = row.head[0];
  }
  NEWTAPE_INLINE void add(Row& row, double x, const Row& b) {
    if constexpr (q > 0) row.head[0] += x * b.head[0];
  }
};

/// c [p, q] +- a^T b for a [r, p], b [r, q].
struct Product {
  std::int64_t p, r;
  const double* a;
  std::int64_t a_row;
  const double* b;
  std::int64_t b_row;
  double* c;
  std::int64_t c_row;
};

/// R > 0: r, known when this is compiled, so that b stays in registers.
template <int q, int R, bool subtract>
void product(const Product& t) {
  using Q = Row<q, static_cast<int>(lanes<double>)>;
  const auto factor = [&](std::int64_t k, std::int64_t i) {
    const double x = t.a[k * t.a_row + i];
    return subtract ? -x : x;
  };
  if constexpr (R > 0) {
    Q b[R];
#pragma GCC unroll 4
    for (int k = 0; k < R; ++k) Q::read(b[k], t.b + k * t.b_row);
    for (std::int64_t i = 0; i < t.p; ++i) {
      Q sum;
      Q::read(sum, t.c + i * t.c_row);
#pragma GCC unroll 4
      for (int k = 0; k < R; ++k) Q::add(sum, factor(k, i), b[k]);
      Q::write(sum, t.c + i * t.c_row);
    }
  } else {
    for (std::int64_t i = 0; i < t.p; ++i) {
      Q sum, b;
      Q::read(sum, t.c + i * t.c_row);
      for (std::int64_t k = 0; k < t.r; ++k) {
        Q::read(b, t.b + k * t.b_row);
        Q::add(sum, factor(k, i), b);
      }
      Q::write(sum, t.c + i * t.c_row);
    }
  }
}

using ProductKernel = void (*)(const Product&);
constexpr int widest = 10;  // columns of one product; more are done in panels
constexpr int panel = 8;
constexpr int max_rows = 4;  // of b in registers

template <bool subtract, int... i>
constexpr auto product_table(std::integer_sequence<int, i...>) {
  struct Table {
    ProductKernel of[sizeof...(i)];
  };
  return Table{{product<i % widest + 1, i / widest, subtract>...}};
}

template <bool subtract>
ProductKernel product_for(std::int64_t q, std::int64_t r) {
  static constexpr auto table = product_table<subtract>(std::make_integer_sequence<int, widest*(max_rows + 1)>());
  return table.of[(r > max_rows ? 0 : r) * widest + q - 1];
}

/// Calls f(first column, kernel) for panels of q columns.
template <bool subtract, class F>
NEWTAPE_INLINE void each_panel(std::int64_t q, std::int64_t r, const F& f) {
  std::int64_t at = 0;
  for (; q - at > widest; at += panel) f(at, product_for<subtract>(panel, r));
  if (q > at) f(at, product_for<subtract>(q - at, r));
}

void gram(const BlockGram& g) {
  if (g.r == 0) return;
  each_panel<false>(g.q, g.r, [&](std::int64_t from, ProductKernel multiply) {
    for (std::int64_t i = 0; i < g.n; ++i) {
      if (g.at[i] < 0) continue;
      multiply(
          {g.p, g.r, g.a + i * g.a_step, g.a_row, g.b + i * g.b_step + from, g.b_row, g.c + g.at[i] + from, g.c_row});
    }
  });
}

/// L below the diagonal of `l`, reciprocals of its diagonal on it. False unless v is positive definite.
bool factorize(std::int64_t e, const double* v, const double* damping, double* l) {
  for (std::int64_t i = 0; i < e; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = v[i * e + j] + (i == j ? damping[i] : 0);
      for (std::int64_t k = 0; k < j; ++k) sum -= l[i * e + k] * l[j * e + k];
      if (i != j) {
        l[i * e + j] = sum * l[j * e + j];
      } else if (sum > 0 && sum <= 1.7976931348623157e308) {
        l[i * e + i] = 1 / std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  return true;
}

/// Rows of z = L^-1 y for one neighbour's y [e, size]; rows of z are z_row apart.
NEWTAPE_INLINE void forward(std::int64_t e, const double* l, const double* y, std::int64_t size, double* z,
                            std::int64_t z_row) {
  for (std::int64_t i = 0; i < e; ++i) {
    const double scale = l[i * e + i];
    double* to = z + i * z_row;
    for (std::int64_t c = 0; c < size; ++c) to[c] = y[i * size + c];
    for (std::int64_t k = 0; k < i; ++k) {
      const double x = l[i * e + k];
      const double* from = z + k * z_row;
      for (std::int64_t c = 0; c < size; ++c) to[c] -= x * from[c];
    }
    for (std::int64_t c = 0; c < size; ++c) to[c] *= scale;
  }
}

/// The neighbours of one block, and their L^-1 y side by side.
struct Eliminated {
  std::int64_t first, last, width;
  const double* z;
};

void subtract_pairs(const SchurElimination& x, const Eliminated& at, const std::int64_t* pair_at) {
  std::int64_t from_i = 0;
  for (std::int64_t i = at.first; i < at.last; ++i) {
    std::int64_t from_j = from_i;
    const std::int64_t end = x.target == SchurTarget::diagonal ? i + 1 : at.last;
    for (std::int64_t j = i; j < end; ++j) {
      const bool dense = x.target == SchurTarget::dense;
      double* s = x.s + (dense                               ? x.column[i] * x.s_row + x.column[j]
                         : x.target == SchurTarget::diagonal ? x.pair_at[i]
                                                             : *pair_at++);
      const std::int64_t s_row = dense ? x.s_row : x.size[j];
      each_panel<true>(x.size[j], x.e, [&](std::int64_t from, ProductKernel multiply) {
        multiply({x.size[i], x.e, at.z + from_i, at.width, at.z + from_j + from, at.width, s + from, s_row});
      });
      from_j += x.size[j];
    }
    from_i += x.size[i];
  }
}

std::int64_t eliminate(const SchurElimination& x) {
  const std::int64_t e = x.e;
  for (std::int64_t b = 0; b < x.count; ++b) {
    double* l = x.factor + b * e * e;
    if (!factorize(e, x.v + b * e * e, x.damping + b * e, l)) return b;
    Eliminated at{x.first[b], x.first[b + 1], 0, x.scratch};
    for (std::int64_t j = at.first; j < at.last; ++j) at.width += x.size[j];
    std::int64_t from = 0;
    for (std::int64_t j = at.first; j < at.last; ++j) {
      forward(e, l, x.y + x.y_at[j], x.size[j], x.scratch + from, at.width);
      from += x.size[j];
    }
    subtract_pairs(x, at, x.target == SchurTarget::blocks ? x.pair_at + x.pair_first[b] : nullptr);
  }
  return -1;
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const BlockTable BlockTable::NEWTAPE_ISA{.gram = NEWTAPE_ISA::gram, .eliminate = NEWTAPE_ISA::eliminate};
}  // namespace newtape::core::kernels
