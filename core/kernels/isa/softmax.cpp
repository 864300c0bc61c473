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

/// y = exp(x - shift); returns the sum. y is not written unless `keep`.
template <bool keep, class T>
double exponentials(const T* x, T* y, std::int64_t n, T shift) {
  double total = 0;
  for (std::int64_t b = 0; b < n; b += block) {
    T part[lanes<T>] = {};
    const auto count = n - b < block ? n - b : block;
    if constexpr (keep) {
      along(x + b, y + b, count, -infinity<T>, [&](const T* from, T* to) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t l = 0; l < lanes<T>; ++l) {
          to[l] = NEWTAPE_ISA::exp(from[l] - shift);
          part[l] += to[l];
        }
      });
    } else {
      std::int64_t i = 0;
      for (; i + lanes<T> <= count; i += lanes<T>) {
        for (std::int64_t l = 0; l < lanes<T>; ++l) part[l] += NEWTAPE_ISA::exp(x[b + i + l] - shift);
      }
      if (i < count) {
        T remainder[lanes<T>];
        for (std::int64_t l = 0; l < lanes<T>; ++l) remainder[l] = l < count - i ? x[b + i + l] : -infinity<T>;
        for (std::int64_t l = 0; l < lanes<T>; ++l) part[l] += NEWTAPE_ISA::exp(remainder[l] - shift);
      }
    }
    total += total_of(part);
  }
  return total;
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
      const double total = exponentials<true>(x, y, n, shift_of(largest_of(x, n)));
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
        c.at[i][l] = NEWTAPE_ISA::exp(c.at[i][l] - best[l]);
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
      const T log_total = static_cast<T>(::log(exponentials<false, T>(x, nullptr, n, shift)));
      NEWTAPE_INDEPENDENT
      for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - shift) - log_total;
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
        c.at[i][l] -= best[l];
        total[l] += NEWTAPE_ISA::exp(c.at[i][l]);
      }
    }
    for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] = NEWTAPE_ISA::log(total[l]);
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
      const T shift = finite_shift_of(largest_of(x, n));
      y[r] = static_cast<T>(static_cast<double>(shift) + ::log(exponentials<false, T>(x, nullptr, n, shift)));
    }
    return;
  }
  groups<T>(rows, [&](std::int64_t first, std::int64_t count) {
    Columns<T> c;
    T best[lanes<T>];
    T total[lanes<T>] = {};
    load(c, x + first * n, count, n);
    largest_of(c, n, best);
    for (std::int64_t l = 0; l < lanes<T>; ++l) best[l] = finite_shift_of(best[l]);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] += NEWTAPE_ISA::exp(c.at[i][l] - best[l]);
    }
    for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] = best[l] + NEWTAPE_ISA::log(total[l]);
    for (std::int64_t l = 0; l < count; ++l) y[first + l] = total[l];
  });
}

/// Gradients of short rows: `part(g, y)` is summed over the row; `result(g, y, sum)` is the gradient.
template <class T, class Part, class Result>
NEWTAPE_INLINE void short_rows_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n,
                                    const Part& part, const Result& result) {
  groups<T>(rows, [&](std::int64_t first, std::int64_t count) {
    Columns<T> cg;
    Columns<T> cy;
    T total[lanes<T>] = {};
    load(cy, y + first * n, count, n);
    if (scalar) {
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t l = 0; l < lanes<T>; ++l) cg.at[i][l] = g[first + (l < count ? l : count - 1)];
      }
    } else {
      load(cg, g + first * n, count, n);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) total[l] += part(cg.at[i][l], cy.at[i][l]);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < lanes<T>; ++l) cg.at[i][l] = result(cg.at[i][l], cy.at[i][l], total[l]);
    }
    store(cg, out + first * n, count, n);
  });
}

/// The same for long rows.
template <class T, class Part, class Result>
NEWTAPE_INLINE void long_rows_grad(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n,
                                   const Part& part, const Result& result) {
  for (std::int64_t r = 0; r < rows; ++r, g += scalar ? 1 : n, y += n, out += n) {
    constexpr std::int64_t wide = 4 * lanes<T>;
    const T one = *g;
    double total = 0;
    for (std::int64_t b = 0; b < n; b += block) {
      T sums[wide] = {};
      const auto end = n - b < block ? n : b + block;
      std::int64_t i = b;
      for (; i + wide <= end; i += wide) {
        if (scalar) {
          for (std::int64_t l = 0; l < wide; ++l) sums[l] += part(one, y[i + l]);
        } else {
          for (std::int64_t l = 0; l < wide; ++l) sums[l] += part(g[i + l], y[i + l]);
        }
      }
      for (; i < end; ++i) total += static_cast<double>(part(scalar ? one : g[i], y[i]));
      total += total_of(sums);
    }
    const T sum = static_cast<T>(total);
    if (scalar) {
      along(y, out, n, T(0), [&](const T* from, T* to) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t l = 0; l < lanes<T>; ++l) to[l] = result(one, from[l], sum);
      });
    } else {
      along(g, y, out, n, [&](const T* from_g, const T* from, T* to) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t l = 0; l < lanes<T>; ++l) to[l] = result(from_g[l], from[l], sum);
      });
    }
  }
}

template <class T>
void softmax_grad_rows(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n) {
  const auto part = [](T gi, T yi) __attribute__((always_inline)) { return strong(gi, yi); };
  const auto result = [](T gi, T yi, T sum) __attribute__((always_inline)) { return strong(gi - sum, yi); };
  n > short_row ? long_rows_grad(g, scalar, y, out, rows, n, part, result)
                : short_rows_grad(g, scalar, y, out, rows, n, part, result);
}

template <class T>
void log_softmax_grad_rows(const T* g, bool scalar, const T* y, T* out, std::int64_t rows, std::int64_t n) {
  const auto part = [](T gi, T) __attribute__((always_inline)) { return gi; };
  const auto result = [](T gi, T yi, T sum) __attribute__((always_inline)) {
    return gi - strong(sum, NEWTAPE_ISA::exp(yi));
  };
  n > short_row ? long_rows_grad(g, scalar, y, out, rows, n, part, result)
                : short_rows_grad(g, scalar, y, out, rows, n, part, result);
}

template <class T>
constexpr SoftmaxTable<T> table_of() {
  return {softmax_rows<T>, log_softmax_rows<T>, logsumexp_rows<T>, softmax_grad_rows<T>, log_softmax_grad_rows<T>};
}

}  // namespace

extern const SoftmaxTables softmax;
const SoftmaxTables softmax = {table_of<float>(), table_of<double>()};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
