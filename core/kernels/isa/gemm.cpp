// SPDX-License-Identifier: BSD-3-Clause
// Products as BLIS computes them (Van Zee and van de Geijn 2015): in the loop over k a block of c stays in registers, a
// panel of b in the L1 cache and a block of a in the L2 cache. Operands are packed only where that is faster.
#include <newtape/core/kernels/gemm.hpp>
#include <newtape/core/kernels/transpose.hpp>

#include "part.hpp"

#include <utility>

namespace newtape::core::kernels::NEWTAPE_ISA {

namespace {

// Rows of c in registers, times two vectors of columns.
#if defined(__AVX512F__)
constexpr int max_rows = 14;  // 28 of 32 registers
#elif defined(__AVX2__)
constexpr int max_rows = 6;  // 12 of 16
#elif defined(__aarch64__)
constexpr int max_rows = 12;  // 24 of 32
#else
constexpr int max_rows = 4;  // 8 of 16: without FMA a product takes a register
#endif

template <class T>
constexpr std::int64_t panel = 2 * lanes<T>;  ///< columns

// --- The block in registers ---

template <class T>
struct Tile {
  std::int64_t k;
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t b_row;
  T* c;
  std::int64_t c_row;
  const T* init;
  std::int64_t init_row;
  std::int64_t last;  ///< columns in the last vector
};

/// c = init + a b for a few rows and one or two vectors of columns; `partial`: the last one is not whole.
template <class T, int rows, int vectors, bool partial>
void tile(const Tile<T>& t) {
  const Part<T> part = Part<T>::of(t.last);
  const auto read = [&](const T* x, int v, Vector<T>& to) {
    partial&& v == vectors - 1 ? load_part(part, x, to) : NEWTAPE_ISA::load(x, to);
  };
  Vector<T> sum[rows][vectors];
  const T* a[rows];
#pragma GCC unroll 14
  for (int i = 0; i < rows; ++i) {
    a[i] = t.a + i * t.a_row;
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[i][v] = Vector<T>{};
  }
  T* const c = t.c;
  const std::int64_t c_row = t.c_row;
  const T* const init = t.init;
  const std::int64_t init_row = t.init_row;
#pragma GCC unroll 14
  for (int i = 0; i < rows; ++i) __builtin_prefetch(c + i * c_row, 1);  // written after the loop over k
  const T* b = t.b;
  const std::int64_t a_column = t.a_column;
  const std::int64_t b_row = t.b_row;
  std::int64_t at = 0;
  for (std::int64_t p = 0; p < t.k; ++p, at += a_column, b += b_row) {
    Vector<T> w[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) read(b + v * lanes<T>, v, w[v]);
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
      const T x = a[i][at];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] += w[v] * x;
    }
  }
  if (init != nullptr) {
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) {
        Vector<T> first;
        read(init + i * init_row + v * lanes<T>, v, first);
        sum[i][v] += first;
      }
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      T* const to = c + i * c_row + v * lanes<T>;
      partial&& v == vectors - 1 ? store_part(part, to, sum[i][v]) : NEWTAPE_ISA::store(to, sum[i][v]);
    }
  }
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

template <class T>
struct Tiles {
  TileFunction<T> of[2][2][max_rows];  ///< by vectors - 1, partial, rows - 1
};

template <class T, int... i>
constexpr Tiles<T> tiles_of(std::integer_sequence<int, i...>) {
  return {{{{tile<T, i + 1, 1, false>...}, {tile<T, i + 1, 1, true>...}},
           {{tile<T, i + 1, 2, false>...}, {tile<T, i + 1, 2, true>...}}}};
}

template <class T>
constexpr Tiles<T> tiles = tiles_of<T>(std::make_integer_sequence<int, max_rows>{});

// --- Packing ---

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }
constexpr std::int64_t min(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// to[p * stride + j] = b[p, j].
template <class T>
void copy_block(const T* b, std::int64_t b_row, std::int64_t b_column, T* to, std::int64_t stride, std::int64_t k,
                std::int64_t m) {
  if (b_column == 1 && m == panel<T>) {
    for (std::int64_t p = 0; p < k; ++p) {
      Vector<T> v[2];
      NEWTAPE_ISA::load(b + p * b_row, v[0]);
      NEWTAPE_ISA::load(b + p * b_row + lanes<T>, v[1]);
      NEWTAPE_ISA::store(to + p * stride, v[0]);
      NEWTAPE_ISA::store(to + p * stride + lanes<T>, v[1]);
    }
  } else if (b_row == 1 && b_column != 1) {
    TransposeTable::NEWTAPE_ISA.of(sizeof(T))(b, b_column, to, stride, k, m);
  } else {
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < m; ++j) to[p * stride + j] = b[p * b_row + j * b_column];
    }
  }
}

/// Consecutive panels; the last one is padded to the width of the others.
template <class T>
void pack_b(const T* b, std::int64_t b_row, std::int64_t b_column, T* to, std::int64_t k, std::int64_t m) {
  // A few rows at a time, so that they are read in memory order.
  const std::int64_t step = b_column == 1 ? 8 : k;
  for (std::int64_t p = 0; p < k; p += step) {
    T* into = to + p * panel<T>;
    const T* from = b + p * b_row;
    for (std::int64_t j = 0; j < m; j += panel<T>, into += k * panel<T>, from += panel<T> * b_column)
      copy_block(from, b_row, b_column, into, panel<T>, min(step, k - p), min(panel<T>, m - j));
  }
}

template <class T>
void copy_row(const T* from, T* to, std::int64_t n, std::int64_t ahead) {
  std::int64_t i = 0;
  for (; i + panel<T> <= n; i += panel<T>) {
    Vector<T> v[2];
    __builtin_prefetch(from + ahead + i);
    NEWTAPE_ISA::load(from + i, v[0]);
    NEWTAPE_ISA::load(from + i + lanes<T>, v[1]);
    NEWTAPE_ISA::store(to + i, v[0]);
    NEWTAPE_ISA::store(to + i + lanes<T>, v[1]);
  }
  for (; i < n; ++i) to[i] = from[i];
}

/// to[p * rows + l] = a[l, p] for l < rows (of which there are `left`) and p in [begin, end).
template <class T>
void pack_columns(const T* a, std::int64_t a_row, std::int64_t a_column, T* to, std::int64_t rows, std::int64_t left,
                  std::int64_t begin, std::int64_t end, std::int64_t k) {
  constexpr int vectors = static_cast<int>((max_rows + lanes<T> - 1) / lanes<T>);
  std::int64_t p = begin;
  if (a_row == 1 && left >= vectors * lanes<T> && 2 * rows >= vectors * lanes<T>) {
    // Elements written beyond `rows` are overwritten by the next column; the last column is left to the loop below.
    for (const std::int64_t stop = min(end, k - 1); p < stop; ++p) {
      Vector<T> v[vectors];
      for (int l = 0; l < vectors; ++l) NEWTAPE_ISA::load(a + p * a_column + l * lanes<T>, v[l]);
      for (int l = 0; l < vectors; ++l) NEWTAPE_ISA::store(to + p * rows + l * lanes<T>, v[l]);
    }
  }
  const std::int64_t count = min(rows, left);
  for (; p < end; ++p) {
    for (std::int64_t l = 0; l < count; ++l) to[p * rows + l] = a[l * a_row + p * a_column];
  }
}

/// Rows of a, `stride` apart; of a transposed operand, for each tile consecutive columns of `rows` elements.
template <class T>
void pack_a(const T* a, std::int64_t a_row, std::int64_t a_column, T* to, std::int64_t rows, std::int64_t n,
            std::int64_t k, std::int64_t stride) {
  if (a_column == 1) {
    for (std::int64_t i = 0; i < n; ++i) copy_row(a + i * a_row, to + i * stride, k, i + 2 < n ? 2 * a_row : 0);
    return;
  }
  // A few columns at a time, so that they are read in memory order.
  for (std::int64_t p = 0; p < k; p += 8) {
    const std::int64_t end = min(p + 8, k);
    for (std::int64_t i = 0; i < n; i += rows)
      pack_columns(a + i * a_row, a_row, a_column, to + i * k, rows, n - i, p, end, k);
  }
}

// --- The loops over blocks ---

/// The blocks of a product. The order of an element's sum must not depend on n and m, which threads divide.
template <class T>
struct Plan {
  std::int64_t rows;  ///< of a tile
  std::int64_t row_block, column_block, k_block;
  bool a_packed, b_packed;
  std::int64_t a_stride;        ///< of the rows of packed a
  std::int64_t a_size, b_size;  ///< of the packed blocks

  explicit Plan(const Gemm<T>& g) {
    constexpr std::int64_t item = sizeof(T);
    // Tiles of equal heights: a last one of few rows would use the arithmetic units badly.
    rows = (g.n - 1) / max_rows + 1;
    rows = (g.n - 1) / rows + 1;
    k_block = (g.k - 1) / 256 + 1;
    k_block = round_up((g.k - 1) / k_block + 1, 4);
    row_block = min(round_up(g.n, rows), 96 / rows * rows);
    column_block = min(round_up(g.m, panel<T>), 1024);
    // Measured with 256 bits: packing a is faster once its rows do not fit in the caches, packing b if many rows of c
    // read it with strides that the hardware does not prefetch.
    a_packed = g.a_column == 1 ? g.m >= 128 && g.n * g.k * item > 3 << 19 : g.m >= 48 && g.n * g.k * item > 1 << 15;
    b_packed = g.b_column != 1 || (g.n > 40 && g.m > 4 * panel<T> && g.k * g.m * item > 1 << 16);
    a_stride = k_block + 16;  // not a power of two, which would map the rows to the same cache sets
    a_size = a_packed ? row_block * a_stride : 0;
    b_size = b_packed ? column_block * k_block : 0;
  }
};

/// A block of rows of c: for each panel of b, all tiles.
template <class T>
void sweep(const Plan<T>& plan, Tile<T> t, std::int64_t n, std::int64_t m, std::int64_t a_step, std::int64_t b_step) {
  const T* const a = t.a;
  T* const c = t.c;
  const T* const init = t.init;
  for (std::int64_t j = 0; j < m; j += panel<T>, t.b += b_step) {
    const std::int64_t width = min(panel<T>, m - j);
    const bool two = width > lanes<T>;
    t.last = two ? width - lanes<T> : width;
    const auto& by_rows = tiles<T>.of[two][t.last < lanes<T>];
    t.a = a;
    t.c = c + j;
    t.init = init == nullptr ? nullptr : init + j;
    for (std::int64_t i = 0; i < n; i += plan.rows, t.a += a_step) {
      by_rows[min(plan.rows, n - i) - 1](t);
      t.c += plan.rows * t.c_row;
      if (init != nullptr) t.init += plan.rows * t.init_row;
    }
  }
}

/// c [n, m] (+)= a b for `m` columns from j and t.k elements of k from p.
template <class T>
void layer(const Gemm<T>& g, const Plan<T>& plan, Tile<T> t, std::int64_t j, std::int64_t m, std::int64_t p) {
  T* const packed_b = g.scratch;
  T* const packed_a = g.scratch + plan.b_size;
  t.b = g.b + p * g.b_row + j * g.b_column;
  t.b_row = g.b_row;
  std::int64_t b_step = panel<T>;
  if (plan.b_packed) {
    pack_b(t.b, g.b_row, g.b_column, packed_b, t.k, m);
    t.b = packed_b;
    t.b_row = panel<T>;
    b_step = t.k * panel<T>;
  }
  t.c_row = g.c_row;
  t.init_row = p > 0 ? g.c_row : g.init_row;
  for (std::int64_t i = 0; i < g.n; i += plan.row_block) {
    const std::int64_t n = min(plan.row_block, g.n - i);
    t.a = g.a + i * g.a_row + p * g.a_column;
    t.a_row = g.a_row;
    t.a_column = g.a_column;
    std::int64_t a_step = plan.rows * g.a_row;
    if (plan.a_packed) {
      const bool whole_rows = g.a_column == 1;
      pack_a(t.a, g.a_row, g.a_column, packed_a, plan.rows, n, t.k, plan.a_stride);
      t.a = packed_a;
      t.a_row = whole_rows ? plan.a_stride : 1;
      t.a_column = whole_rows ? 1 : plan.rows;
      a_step = plan.rows * (whole_rows ? plan.a_stride : t.k);
    }
    t.c = g.c + i * g.c_row + j;
    t.init = p > 0 ? t.c : g.init == nullptr ? nullptr : g.init + i * g.init_row + j;
    sweep(plan, t, n, m, a_step, b_step);
  }
}

template <class T>
void multiply_one(const Gemm<T>& g, const Plan<T>& plan) {
  Tile<T> t{};
  for (std::int64_t j = 0; j < g.m; j += plan.column_block) {
    for (std::int64_t p = 0; p < g.k; p += plan.k_block) {
      t.k = min(plan.k_block, g.k - p);
      layer(g, plan, t, j, min(plan.column_block, g.m - j), p);
    }
  }
}

/// Whether c has so few columns that vectors of its rows are faster, also where a is transposed for them. In vector
/// operations; a transposed element takes 3/8 of one.
template <class T>
bool has_few_columns(const Gemm<T>& g) {
  if (g.m >= 2 * lanes<T> || g.n < lanes<T> || g.n * g.m > 1 << 16 || (g.a_row != 1 && g.a_column != 1)) return false;
  const auto vectors = [](std::int64_t n) { return (n + lanes<T> - 1) / lanes<T>; };
  const std::int64_t by_columns = g.n * vectors(g.m) * g.k;
  const std::int64_t packing = g.a_row == 1 ? 0 : g.n * g.k * 3 / 8;
  const std::int64_t by_rows = g.m * vectors(g.n) * g.k + packing + g.n * g.m;
  return 8 * by_rows < 7 * by_columns;
}

/// Whether c^T = b^T a^T is computed, in scratch memory: for few columns, and for few rows times a transposed b, of which only
/// these rows are packed.
template <class T>
bool transpose_is_faster(const Gemm<T>& g) {
  return (g.b_column != 1 && g.b_row == 1 && g.n <= 48 && g.n < g.m) || has_few_columns(g);
}
template <class T>
Gemm<T> transposed(const Gemm<T>& g) {
  return {g.m,     g.n, g.k,     g.b, g.b_column, g.b_row, g.a, g.a_column, g.a_row,
          nullptr, g.n, nullptr, g.n, g.scratch,  1,       0,   0,          0};
}

/// c += row, for all rows of c.
template <class T>
void add_row(const Gemm<T>& g, const T* row) {
  for (std::int64_t i = 0; i < g.n; ++i) {
    T* const c = g.c + i * g.c_row;
    std::int64_t j = 0;
    for (; j + lanes<T> <= g.m; j += lanes<T>) {
      Vector<T> sum, first;
      NEWTAPE_ISA::load(c + j, sum);
      NEWTAPE_ISA::load(row + j, first);
      NEWTAPE_ISA::store(c + j, sum + first);
    }
    for (; j < g.m; ++j) c[j] += row[j];
  }
}

template <class T>
void multiply_transposed(const Gemm<T>& g, Gemm<T> t, const Plan<T>& plan) {
  const Transpose transpose = TransposeTable::NEWTAPE_ISA.of(sizeof(T));
  t.a = g.b;
  t.b = g.a;
  t.c = g.scratch + plan.a_size + plan.b_size;
  // A row is added to the sum of the first block over k.
  const bool row_last = g.init != nullptr && g.init_row == 0 && g.k <= plan.k_block;
  t.init = g.init == nullptr || row_last ? nullptr : t.c;
  if (t.init != nullptr && g.init_row == 0) {
    for (std::int64_t j = 0; j < g.m; ++j) {
      for (std::int64_t i = 0; i < g.n; ++i) t.c[j * g.n + i] = g.init[j];
    }
  } else if (t.init != nullptr) {
    transpose(g.init, g.init_row, t.c, g.n, g.m, g.n);
  }
  multiply_one(t, plan);
  transpose(t.c, g.n, g.c, g.c_row, g.n, g.m);
  if (row_last) add_row(g, g.init);
}

template <class T>
void multiply(const Gemm<T>& job) {
  const bool swap = transpose_is_faster(job);
  const Gemm<T> other = swap ? transposed(job) : job;
  const Plan<T> plan(other);
  Gemm<T> g = job;
  for (std::int64_t i = 0; i < job.members; ++i) {
    swap ? multiply_transposed(g, other, plan) : multiply_one(g, plan);
    g.a += job.a_member;
    g.b += job.b_member;
    g.c += job.c_member;
    if (job.init == job.c) g.init = g.c;
  }
}

template <class T>
std::int64_t scratch(const Gemm<T>& g) {
  const bool swap = transpose_is_faster(g);
  const Plan<T> plan(swap ? transposed(g) : g);
  return plan.a_size + plan.b_size + (swap ? g.n * g.m : 0);
}

template <class T>
constexpr GemmTable<T> table_of() {
  return {max_rows, panel<T>, scratch<T>, multiply<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const GemmTables GemmTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(), NEWTAPE_ISA::table_of<double>()};
}
