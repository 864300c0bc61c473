// SPDX-License-Identifier: BSD-3-Clause
// A BLAS for tests, loaded before the real one: products (gemm, gemv) and dot products whose sums run in an order of
// their own for each shape and each element, with 1 to 32 partial sums, with or without fused multiply-adds. What
// passes with several seeds (ANY_ORDER_SEED) does not depend on how one library's kernels add up.
#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <numeric>

namespace {

std::uint64_t mixed(std::uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* text = std::getenv("ANY_ORDER_SEED");
    return text == nullptr ? 1U : std::strtoull(text, nullptr, 10);
  }();
  return value;
}

/// start + sum of a[p] b[p] over p < k; `choice` decides on the order.
template <class T>
T dot(std::int64_t k, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T start, std::uint64_t choice) {
  if (k <= 0) return start;
  const std::int64_t sums = std::int64_t{1} << (choice % 6);
  const bool fused = (choice >> 8U) % 2 == 0;
  const bool from_start = (choice >> 9U) % 2 == 0;
  std::int64_t p = static_cast<std::int64_t>((choice >> 10U) % static_cast<std::uint64_t>(k));
  std::int64_t step = 1 + static_cast<std::int64_t>((choice >> 30U) % static_cast<std::uint64_t>(k));
  while (std::gcd(step, k) != 1) ++step;
  T partial[32] = {};
  if (from_start) partial[0] = start;
  for (std::int64_t i = 0; i < k; ++i) {
    T& sum = partial[i % sums];
    const T x = a[p * a_step];
    const T y = b[p * b_step];
    if (fused) {
      sum = std::fma(x, y, sum);
    } else {
      const volatile T product = x * y;
      sum += product;
    }
    p += step;
    while (p >= k) p -= k;
  }
  T total = 0;
  for (std::int64_t i = sums; i-- > 0;) total += partial[i];
  return from_start ? total : start + total;
}

/// c = alpha a b + beta c with steps between rows and columns.
template <class T>
void product(int n, int m, int k, T alpha, const T* a, std::int64_t a_row, std::int64_t a_column, const T* b,
             std::int64_t b_row, std::int64_t b_column, T beta, T* c, std::int64_t c_row, std::int64_t c_column) {
  std::uint64_t shape = mixed(seed());
  for (const std::uint64_t x : {std::uint64_t(n), std::uint64_t(m), std::uint64_t(k), std::uint64_t(a_row == 1)}) {
    shape = mixed(shape ^ x);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      T& to = c[i * c_row + j * c_column];
      const T before = beta == 0 ? T(0) : beta * to;
      const auto choice = mixed(shape ^ mixed(static_cast<std::uint64_t>(i * m + j)));
      if (alpha == 1) {
        to = dot(k, a + i * a_row, a_column, b + j * b_column, b_row, before, choice);
      } else {
        to = before + alpha * dot(k, a + i * a_row, a_column, b + j * b_column, b_row, T(0), choice);
      }
    }
  }
}

/// Products of more multiplications than this are left to the library behind, which is faster.
bool is_large(int n, int m, int k) { return static_cast<double>(n) * m * k > (1 << 18); }

/// The function of that name in the library that was loaded after this one.
template <class F>
F* behind(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

constexpr int row_major = 101;
constexpr int plain = 111;

/// Fortran's: columns are contiguous.
template <class T>
void gemm(bool ta, bool tb, int n, int m, int k, T alpha, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
          T beta, T* c, std::int64_t ldc) {
  product<T>(n, m, k, alpha, a, ta ? lda : 1, ta ? 1 : lda, b, tb ? ldb : 1, tb ? 1 : ldb, beta, c, 1, ldc);
}

template <class T>
void cblas_gemm(int order, int ta, int tb, int n, int m, int k, T alpha, const T* a, int lda, const T* b, int ldb,
                T beta, T* c, int ldc) {
  if (order == row_major) {  // c' = b' a'
    gemm<T>(tb != plain, ta != plain, m, n, k, alpha, b, ldb, a, lda, beta, c, ldc);
  } else {
    gemm<T>(ta != plain, tb != plain, n, m, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
}

/// y = alpha op(a) x + beta y, for a of rows x columns with contiguous columns.
template <class T>
void gemv(bool transposed, int rows, int columns, T alpha, const T* a, std::int64_t lda, const T* x,
          std::int64_t x_step, T beta, T* y, std::int64_t y_step) {
  const int n = transposed ? columns : rows;
  const int k = transposed ? rows : columns;
  if (x_step < 0) x -= (k - 1) * x_step;
  if (y_step < 0) y -= (n - 1) * y_step;
  product<T>(n, 1, k, alpha, a, transposed ? lda : 1, transposed ? 1 : lda, x, x_step, 0, beta, y, y_step, 0);
}

template <class T>
T dot_of(int n, const T* x, std::int64_t x_step, const T* y, std::int64_t y_step) {
  if (x_step < 0) x -= (n - 1) * x_step;
  if (y_step < 0) y -= (n - 1) * y_step;
  return dot<T>(n, x, x_step, y, y_step, T(0), mixed(seed() ^ static_cast<std::uint64_t>(n)));
}

bool is_plain(const char* trans) { return *trans == 'N' || *trans == 'n'; }

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): BLAS's names
#define ANY_ORDER_BLAS(T, prefix)                                                                                      \
  extern "C" void cblas_##prefix##gemm(int order, int ta, int tb, int n, int m, int k, T alpha, const T* a, int lda,   \
                                       const T* b, int ldb, T beta, T* c, int ldc) {                                   \
    static const auto real = behind<decltype(cblas_##prefix##gemm)>("cblas_" #prefix "gemm");                          \
    if (is_large(n, m, k) && real != nullptr)                                                                          \
      return real(order, ta, tb, n, m, k, alpha, a, lda, b, ldb, beta, c, ldc);                                        \
    cblas_gemm<T>(order, ta, tb, n, m, k, alpha, a, lda, b, ldb, beta, c, ldc);                                        \
  }                                                                                                                    \
  extern "C" void prefix##gemm_(const char* ta, const char* tb, const int* n, const int* m, const int* k,              \
                                const T* alpha, const T* a, const int* lda, const T* b, const int* ldb, const T* beta, \
                                T* c, const int* ldc) {                                                                \
    static const auto real = behind<decltype(prefix##gemm_)>(#prefix "gemm_");                                         \
    if (is_large(*n, *m, *k) && real != nullptr) return real(ta, tb, n, m, k, alpha, a, lda, b, ldb, beta, c, ldc);    \
    gemm<T>(!is_plain(ta), !is_plain(tb), *n, *m, *k, *alpha, a, *lda, b, *ldb, *beta, c, *ldc);                       \
  }                                                                                                                    \
  extern "C" void cblas_##prefix##gemv(int order, int trans, int rows, int columns, T alpha, const T* a, int lda,      \
                                       const T* x, int x_step, T beta, T* y, int y_step) {                             \
    if (order == row_major) {                                                                                          \
      gemv<T>(trans == plain, columns, rows, alpha, a, lda, x, x_step, beta, y, y_step);                               \
    } else {                                                                                                           \
      gemv<T>(trans != plain, rows, columns, alpha, a, lda, x, x_step, beta, y, y_step);                               \
    }                                                                                                                  \
  }                                                                                                                    \
  extern "C" void prefix##gemv_(const char* trans, const int* rows, const int* columns, const T* alpha, const T* a,    \
                                const int* lda, const T* x, const int* x_step, const T* beta, T* y,                    \
                                const int* y_step) {                                                                   \
    gemv<T>(!is_plain(trans), *rows, *columns, *alpha, a, *lda, x, *x_step, *beta, y, *y_step);                        \
  }                                                                                                                    \
  extern "C" T cblas_##prefix##dot(int n, const T* x, int x_step, const T* y, int y_step) {                            \
    return dot_of<T>(n, x, x_step, y, y_step);                                                                         \
  }                                                                                                                    \
  extern "C" T prefix##dot_(const int* n, const T* x, const int* x_step, const T* y, const int* y_step) {              \
    return dot_of<T>(*n, x, *x_step, y, *y_step);                                                                      \
  }

ANY_ORDER_BLAS(float, s)
ANY_ORDER_BLAS(double, d)
// NOLINTEND(readability-identifier-naming)
