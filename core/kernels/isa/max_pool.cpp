// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/max_pool.hpp>

#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T>
NEWTAPE_INLINE T larger(T a, T b) {
  return (a > b) | (a != a) ? a : b;
}

template <class T>
void join(const T* x, std::int64_t n, T* y) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) y[j] = larger(y[j], x[j]);
}

template <class T>
void runs(const T* x, const std::int64_t* first, const std::int64_t* count, std::int64_t step, std::int64_t n, T* y) {
  for (std::int64_t j = 0; j < n; ++j) {
    const T* from = x + first[j];
    T best = from[0];
    for (std::int64_t k = 1; k < count[j]; ++k) best = larger(best, from[k * step]);
    y[j] = best;
  }
}

template <class T>
void squares(const T* a, const T* b, std::int64_t n, T* y) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    y[j] = larger(larger(a[2 * j], a[2 * j + 1]), larger(b[2 * j], b[2 * j + 1]));
  }
}

template <class T>
void squares_grad(const T* g, const T* y, const T* a, const T* b, std::int64_t n, T* to_a, T* to_b) {
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) {
    T left = g[j];
    const T best = y[j];
    // What is left is handed to each in turn; who takes it leaves nothing.
    const auto taken = [best](T x, T& rest) {
      const bool takes = (x == best) | (x != x);
      const T got = takes ? rest : T(0);
      rest = takes ? T(0) : rest;
      return got;
    };
    to_a[2 * j] = taken(a[2 * j], left);
    to_a[2 * j + 1] = taken(a[2 * j + 1], left);
    to_b[2 * j] = taken(b[2 * j], left);
    to_b[2 * j + 1] = taken(b[2 * j + 1], left);
  }
}

template <class T>
constexpr MaxPoolTable<T> table_of() {
  return {join<T>, runs<T>, squares<T>, squares_grad<T>};
}

}  // namespace

extern const MaxPoolTables max_pool;
const MaxPoolTables max_pool = {table_of<float>(), table_of<double>()};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
