// SPDX-License-Identifier: BSD-3-Clause
// Long rows are processed vector by vector. For short rows (ten classes), row remainders and horizontal sums would
// dominate: several of them are transposed, so that one vector holds one element of each row.
#include <newtape/core/kernels/softmax.hpp>

#include "functions.hpp"

#include <cmath>

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T>
constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));  // a cache line, and an AVX-512 vector
constexpr std::int64_t short_row = 32;
constexpr std::int64_t block = 4096;  // elements accumulated in T before they are added to a double

// The shift of the exponents: the largest element, or 0 if that is -inf, to avoid -inf - -inf. NaN is ignored here and
// propagates through the sum of the exponentials.
template <class T>
NEWTAPE_INLINE T shift_of(T largest) {
  return largest == -infinity<T> ? T(0) : largest;
}
// For logsumexp, whose result may be inf.
template <class T>
NEWTAPE_INLINE T finite_shift_of(T largest) {
  return magnitude(largest) == infinity<T> ? T(0) : largest;
}

// --- long rows ---

/// Calls f(x, y) for consecutive vectors; the incomplete last one is padded with `fill`.
template <class T, class F>
NEWTAPE_INLINE void along(const T* x, T* y, std::int64_t n, T fill, const F& f) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) f(x + i, y + i);
  if (i == n) return;
  T in[lanes<T>];
  T out[lanes<T>] = {};
  for (std::int64_t l = 0; l < lanes<T>; ++l) in[l] = fill;
  for (std::int64_t l = 0; l < n - i; ++l) in[l] = x[i + l];
  f(in, out);
  for (std::int64_t l = 0; l < n - i; ++l) y[i + l] = out[l];
}
template <class T, class F>
NEWTAPE_INLINE void along(const T* g, const T* x, T* y, std::int64_t n, const F& f) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) f(g + i, x + i, y + i);
  if (i == n) return;
  T in_g[lanes<T>] = {};
  T in[lanes<T>] = {};
  T out[lanes<T>] = {};
  for (std::int64_t l = 0; l < n - i; ++l) in_g[l] = g[i + l], in[l] = x[i + l];
  f(in_g, in, out);
  for (std::int64_t l = 0; l < n - i; ++l) y[i + l] = out[l];
}

template <std::int64_t n, class T>
NEWTAPE_INLINE double total_of(const T (&part)[n]) {
  double total = 0;
  for (std::int64_t l = 0; l < n; ++l) total += static_cast<double>(part[l]);
  return total;
}

template <class T>
T largest_of(const T* x, std::int64_t n) {
  constexpr std::int64_t wide = 4 * lanes<T>;
  T best[wide];
  for (std::int64_t l = 0; l < wide; ++l) best[l] = -infinity<T>;
  std::int64_t i = 0;
  for (; i + wide <= n; i += wide) {
    for (std::int64_t l = 0; l < wide; ++l) best[l] = x[i + l] > best[l] ? x[i + l] : best[l];
  }
  for (std::int64_t l = 0; i < n; ++i, ++l) best[l] = x[i] > best[l] ? x[i] : best[l];
  for (std::int64_t half = wide / 2; half > 0; half /= 2) {
    for (std::int64_t l = 0; l < half; ++l) best[l] = best[l + half] > best[l] ? best[l + half] : best[l];
  }
  return best[0];
}

/// y = exp(x - shift); returns the sum.
template <class T>
double exponentials(const T* x, T* y, std::int64_t n, T shift) {
  double total = 0;
  for (std::int64_t b = 0; b < n; b += block) {
    T part[lanes<T>] = {};
    along(x + b, y + b, n - b < block ? n - b : block, -infinity<T>, [&](const T* from, T* to) {
      NEWTAPE_INDEPENDENT
      for (std::int64_t l = 0; l < lanes<T>; ++l) {
        to[l] = exp_below(from[l] - shift);
        part[l] += to[l];
      }
    });
    total += total_of(part);
  }
  return total;
}

/// Sums of exp(d) for d = x - largest: the terms that are 1 are counted apart, so that without one of them the sum keeps
/// the digits of small terms.
template <class T>
struct Terms {
  T ones[lanes<T>] = {};
  T others[lanes<T>] = {};

  NEWTAPE_INLINE void add(Terms& to, std::int64_t l, T d) {
    to.ones[l] += d == 0 ? T(1) : T(0);
    to.others[l] += d == 0 ? T(0) : exp_below(d);
  }
};
/// The sum of exp(x - shift) without one of the terms that are 1; -1 if there is none, as in rows of -inf.
template <class T>
double sum_without_largest(const T* x, std::int64_t n, T shift) {
  double ones = -1;
  double others = 0;
  for (std::int64_t b = 0; b < n; b += block) {
    Terms<T> terms;
    const auto count = n - b < block ? n - b : block;
    std::int64_t i = 0;
    for (; i + lanes<T> <= count; i += lanes<T>) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) Terms<T>::add(terms, l, x[b + i + l] - shift);
    }
    if (i < count) {
      T remainder[lanes<T>];
      for (std::int64_t l = 0; l < lanes<T>; ++l) remainder[l] = l < count - i ? x[b + i + l] : -infinity<T>;
      for (std::int64_t l = 0; l < lanes<T>; ++l) Terms<T>::add(terms, l, remainder[l] - shift);
    }
    ones += total_of(terms.ones);
    others += total_of(terms.others);
  }
  return ones + others;
}

// --- short rows, transposed ---

template <class T>
struct Columns {
  T at[short_row][lanes<T>];
};

/// Loads `count` rows; unused lanes repeat the last one. The empty asm prevents gather and scatter instructions, which
/// are several times slower than scalar moves.
template <class T>
void load(Columns<T>& c, const T* x, std::int64_t count, std::int64_t n) {
  for (std::int64_t l = 0; l < lanes<T>; ++l) {
    const T* row = x + (l < count ? l : count - 1) * n;
    for (std::int64_t i = 0; i < n; ++i) {
      c.at[i][l] = row[i];
      asm("");
    }
  }
}
template <class T>
void store(const Columns<T>& c, T* y, std::int64_t count, std::int64_t n) {
  for (std::int64_t l = 0; l < count; ++l) {
    for (std::int64_t i = 0; i < n; ++i) {
      y[l * n + i] = c.at[i][l];
      asm("");
    }
  }
}

template <class T>
NEWTAPE_INLINE void largest_of(const Columns<T>& c, std::int64_t n, T* best) {
  T found[lanes<T>];
  for (std::int64_t l = 0; l < lanes<T>; ++l) found[l] = -infinity<T>;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t l = 0; l < lanes<T>; ++l) found[l] = c.at[i][l] > found[l] ? c.at[i][l] : found[l];
  }
  for (std::int64_t l = 0; l < lanes<T>; ++l) best[l] = found[l];
}

/// Calls f(first, count) for groups of rows that fill a vector.
template <class T, class F>
NEWTAPE_INLINE void groups(std::int64_t rows, const F& f) {
  for (std::int64_t r = 0; r < rows; r += lanes<T>) f(r, rows - r < lanes<T> ? rows - r : lanes<T>);
}

// --- the functions ---

template <class T>
void softmax_rows(const T* x, T* y, std::int64_t rows, std::int64_t n) {
  if (n > short_row) {
    for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
      const double total = exponentials(x, y, n, shift_of(largest_of(x, n)));
      const T scale = static_cast<T>(1 / total);
      for (std::int64_t i = 0; i < n; ++i) y[i] *= scale;
    }
    return;
  }
  groups<T>(rows, [&](std::int64_t first, std::int64_t count) {
    Columns<T> c;
    T best[lanes<T>];
    T total[lanes<T>] = {};
    load(c, x + first * n, count, n);
    largest_of(c, n, best);
    for (std::int64_t l = 0; l < lanes<T>; ++l) best[l] = shift_of(best[l]);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) {
        c.at[i][l] = exp_below(c.at[i][l] - best[l]);
        total[l] += c.at[i][l];
      }
    }
    for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] = 1 / total[l];
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) c.at[i][l] *= total[l];
    }
    store(c, y + first * n, count, n);
  });
}

template <class T>
void log_softmax_rows(const T* x, T* y, std::int64_t rows, std::int64_t n) {
  // Subtracts in two steps, so that small differences of large values keep their digits.
  if (n > short_row) {
    for (std::int64_t r = 0; r < rows; ++r, x += n, y += n) {
      const T shift = shift_of(largest_of(x, n));
      const T log_total = static_cast<T>(::log1p(sum_without_largest(x, n, shift)));
      NEWTAPE_INDEPENDENT
      for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - shift) - log_total;
    }
    return;
  }
  groups<T>(rows, [&](std::int64_t first, std::int64_t count) {
    Columns<T> c;
    T best[lanes<T>];
    T total[lanes<T>];
    Terms<T> terms;
    load(c, x + first * n, count, n);
    largest_of(c, n, best);
    for (std::int64_t l = 0; l < lanes<T>; ++l) best[l] = shift_of(best[l]);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) {
        c.at[i][l] -= best[l];
        Terms<T>::add(terms, l, c.at[i][l]);
      }
    }
    for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] = NEWTAPE_ISA::log1p((terms.ones[l] - 1) + terms.others[l]);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) c.at[i][l] -= total[l];
    }
    store(c, y + first * n, count, n);
  });
}

template <class T>
void logsumexp_rows(const T* x, T* y, std::int64_t rows, std::int64_t n) {
  if (n > short_row || n == 0) {
    for (std::int64_t r = 0; r < rows; ++r, x += n) {
      const T largest = largest_of(x, n);
      const T shift = finite_shift_of(largest);
      const T sum = static_cast<T>(static_cast<double>(shift) + ::log1p(sum_without_largest(x, n, shift)));
      y[r] = largest == infinity<T> ? largest : sum;
    }
    return;
  }
  groups<T>(rows, [&](std::int64_t first, std::int64_t count) {
    Columns<T> c;
    T best[lanes<T>], shift[lanes<T>];
    T total[lanes<T>];
    Terms<T> terms;
    load(c, x + first * n, count, n);
    largest_of(c, n, best);
    for (std::int64_t l = 0; l < lanes<T>; ++l) shift[l] = finite_shift_of(best[l]);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) Terms<T>::add(terms, l, c.at[i][l] - shift[l]);
    }
    for (std::int64_t l = 0; l < lanes<T>; ++l) {
      const T sum = shift[l] + NEWTAPE_ISA::log1p((terms.ones[l] - 1) + terms.others[l]);
      total[l] = best[l] == infinity<T> ? best[l] : sum;
    }
    for (std::int64_t l = 0; l < count; ++l) y[first + l] = total[l];
  });
}

// Gradients are g_i - s_i sum g and s_i (g_i - sum s g). Where one element holds nearly all of the probability, its own
// terms cancel: they are summed apart from those of the others.

/// Sums over a row, or the terms of one element.
template <class T, int count>
struct RowSums {
  T of[count];
};

/// Gradients of short rows: `part(g, y)` is summed over the row; `result(g, y, sums)` is the gradient.
template <int count, class T, class Part, class Result>
NEWTAPE_INLINE void short_rows_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n,
                                    const Part& part, const Result& result) {
  groups<T>(rows, [&](std::int64_t first, std::int64_t height) {
    Columns<T> cg;
    Columns<T> cy;
    T total[count][lanes<T>] = {};
    load(cy, y + first * n, height, n);
    if (scalar) {
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t l = 0; l < lanes<T>; ++l) cg.at[i][l] = g[first + (l < height ? l : height - 1)];
      }
    } else {
      load(cg, g + first * n, height, n);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) {
        const RowSums<T, count> terms = part(cg.at[i][l], cy.at[i][l]);
        for (int k = 0; k < count; ++k) total[k][l] += terms.of[k];
      }
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) {
        RowSums<T, count> sums;
        for (int k = 0; k < count; ++k) sums.of[k] = total[k][l];
        cg.at[i][l] = result(cg.at[i][l], cy.at[i][l], sums);
      }
    }
    store(cg, out + first * n, height, n);
  });
}

/// The sums of one long row; `scalar`: g is one number.
template <int count, class T, class Part>
NEWTAPE_INLINE RowSums<T, count> sums_of_row(const T* g, bool scalar, const T* y, std::int64_t n, const Part& part) {
  constexpr std::int64_t wide = 2 * lanes<T>;
  const T one = *g;
  double total[count] = {};
  for (std::int64_t b = 0; b < n; b += block) {
    T sums[count][wide] = {};
    const auto add = [&](std::int64_t l, T gi, T yi) __attribute__((always_inline)) {
      const RowSums<T, count> terms = part(gi, yi);
      for (int k = 0; k < count; ++k) sums[k][l] += terms.of[k];
    };
    const auto end = n - b < block ? n : b + block;
    std::int64_t i = b;
    for (; i + wide <= end; i += wide) {
      if (scalar) {
        for (std::int64_t l = 0; l < wide; ++l) add(l, one, y[i + l]);
      } else {
        for (std::int64_t l = 0; l < wide; ++l) add(l, g[i + l], y[i + l]);
      }
    }
    for (std::int64_t l = 0; i < end; ++i, ++l) add(l, scalar ? one : g[i], y[i]);
    for (int k = 0; k < count; ++k) total[k] += total_of(sums[k]);
  }
  RowSums<T, count> sums;
  for (int k = 0; k < count; ++k) sums.of[k] = static_cast<T>(total[k]);
  return sums;
}

/// Gradients of long rows: `sums(g, y)` of a row, then `result(g, y, sums)` of its elements.
template <class T, class Sums, class Result>
NEWTAPE_INLINE void long_rows_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n,
                                   const Sums& sums, const Result& result) {
  for (std::int64_t r = 0; r < rows; ++r, g += scalar ? 1 : n, y += n, out += n) {
    const T one = *g;
    const auto of_row = sums(g, y);
    if (scalar) {
      along(y, out, n, T(0), [&](const T* from, T* to) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t l = 0; l < lanes<T>; ++l) to[l] = result(one, from[l], of_row);
      });
    } else {
      along(g, y, out, n, [&](const T* from_g, const T* from, T* to) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t l = 0; l < lanes<T>; ++l) to[l] = result(from_g[l], from[l], of_row);
      });
    }
  }
}

template <class T>
void softmax_grad_rows(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n) {
  // At most one element has a probability above this, also of rounded ones; below it, no digits are lost.
  constexpr T threshold = static_cast<T>(0.7);
  using Sums = RowSums<T, 3>;  // s g of the largest, s g of the others, s of the others
  const auto part = [](T gi, T yi) __attribute__((always_inline)) {
    const T term = strong(gi, yi);
    return yi > threshold ? Sums{{term, T(0), T(0)}} : Sums{{T(0), term, yi}};
  };
  const auto result = [](T gi, T yi, const Sums& sums) __attribute__((always_inline)) {
    // For the largest, g (1 - s) - (sum of the others), with 1 - s as the sum of the other probabilities.
    const T own = strong(gi, sums.of[2]) - sums.of[1];
    return strong(yi > threshold ? own : gi - (sums.of[0] + sums.of[1]), yi);
  };
  const auto of_row = [&](const T* gr, const T* yr) __attribute__((always_inline)) {
    return sums_of_row<3>(gr, scalar, yr, n, part);
  };
  n > short_row ? long_rows_grad(g, scalar, y, out, rows, n, of_row, result)
                : short_rows_grad<3>(g, scalar, y, out, rows, n, part, result);
}

template <class T>
void log_softmax_grad_rows(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n) {
  using C = Constants<T>;
  // A probability above 0.7; |y| < ln 2 / 2, as the reduced argument of exp.
  constexpr T threshold = static_cast<T>(-0.34);
  using Sums = RowSums<T, 2>;  // g of the others, g of all
  const auto part = [](T gi, T yi) __attribute__((always_inline)) { return Sums{{yi > threshold ? T(0) : gi, gi}}; };
  const auto result = [](T gi, T yi, const Sums& sums) __attribute__((always_inline)) {
    const Reduced<T> v = reduce(yi < C::exp_lowest ? C::exp_lowest : yi);
    // For the largest, 1 - s = -expm1(y).
    const T own = yi > threshold ? strong(gi, -v.expm1_r) : gi;
    return own - strong(yi > threshold ? sums.of[0] : sums.of[1], joined(v));
  };
  const auto of_row = [&](const T* gr, const T* yr) __attribute__((always_inline)) {
    // The first one is used only where there is a largest.
    if (scalar) return Sums{{*gr * static_cast<T>(n - 1), *gr * static_cast<T>(n)}};
    return sums_of_row<2>(gr, scalar, yr, n, part);
  };
  n > short_row ? long_rows_grad(g, scalar, y, out, rows, n, of_row, result)
                : short_rows_grad<2>(g, scalar, y, out, rows, n, part, result);
}

template <class T>
constexpr SoftmaxTable<T> table_of() {
  return {softmax_rows<T>, log_softmax_rows<T>, logsumexp_rows<T>, softmax_grad_rows<T>, log_softmax_grad_rows<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const SoftmaxTables SoftmaxTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(),
                                                         NEWTAPE_ISA::table_of<double>()};
}
