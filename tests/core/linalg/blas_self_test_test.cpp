// SPDX-License-Identifier: BSD-3-Clause
// The self-test of BLAS accepts plain loops and the BLAS that is linked, and rejects everything else.
#include "catch.hpp"

#include <newtape/core/linalg/self_test.hpp>

#include <cmath>
#include <csignal>
#include <string>
#include <vector>

using namespace newtape::core::blas;

namespace {

/// Right, slow, and free of any BLAS.
template <class T>
Routines<T> plain() {
  return {[](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
            for (int i = 0; i < n; ++i) {
              for (int j = 0; j < m; ++j) {
                T sum = 0;
                for (int l = 0; l < k; ++l) {
                  sum += (ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
                }
                c[i * ldc + j] = beta == 0 ? sum : beta * c[i * ldc + j] + sum;
              }
            }
          },
          [](bool trans, int rows, int columns, const T* a, int lda, const T* x, int step, T beta, T* y) {
            for (int i = 0; i < (trans ? columns : rows); ++i) {
              T sum = beta * y[i];
              for (int l = 0; l < (trans ? rows : columns); ++l) {
                sum += (trans ? a[l * lda + i] : a[i * lda + l]) * x[l * step];
              }
              y[i] = sum;
            }
          },
          [](bool left, bool upper, bool trans, bool unit, int m, int n, const T* a, int lda, T* b, int ldb) {
            const int order = left ? m : n;
            // Substitution in op(a) from the left, in op(a)^T from the right; which end to begin at follows.
            const bool swap = trans == left;
            const bool backward = upper != swap;
            for (int s = 0; s < (left ? n : m); ++s) {
              const auto at = [&](int i) -> T& { return left ? b[i * ldb + s] : b[s * ldb + i]; };
              for (int step = 0; step < order; ++step) {
                const int i = backward ? order - 1 - step : step;
                T sum = at(i);
                for (int l = backward ? i + 1 : 0; l < (backward ? order : i); ++l) {
                  sum -= (swap ? a[l * lda + i] : a[i * lda + l]) * at(l);
                }
                at(i) = unit ? sum : sum / a[i * lda + i];
              }
            }
          },
          [](int n, const T* x, const T* y) {
            T sum = 0;
            for (int i = 0; i < n; ++i) sum += x[i] * y[i];
            return sum;
          }};
}

template <class T>
bool accepts(const Routines<T>& routines) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return self_test(routines, plain<double>());
  } else {
    return self_test(plain<float>(), routines);
  }
}

template <class T>
void check_rejections() {
  const auto right = plain<T>();
  Routines<T> r = right;
  INFO("bytes a number: " << sizeof(T));
  CHECK(accepts(r));

  r.gemm = [](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
    plain<T>().gemm(ta, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
    if (n % 8 == 5) c[(n - 1) * ldc + m - 1] *= T(1.001);
  };
  CHECK_FALSE(accepts(r));
  r.gemm = [](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
    plain<T>().gemm(ta, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
    if (k > 384) c[0] = 0;  // a second block of k that is lost
  };
  CHECK_FALSE(accepts(r));
  r.gemm = [](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
    const T nothing = c[0] * beta;  // NaN in memory that is to be overwritten
    plain<T>().gemm(ta, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
    c[0] += nothing * 0;
  };
  CHECK_FALSE(accepts(r));
  r.gemm = [](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
    plain<T>().gemm(ta, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
    if (m == 31) c[m] = 0;  // past the end of a row
  };
  CHECK_FALSE(accepts(r));
  r.gemm = [](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
    plain<T>().gemm(ta && !tb, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
  };
  CHECK_FALSE(accepts(r));

  r = right;
  r.gemv = [](bool trans, int rows, int columns, const T* a, int lda, const T* x, int, T beta, T* y) {
    plain<T>().gemv(trans, rows, columns, a, lda, x, 1, beta, y);
  };
  CHECK_FALSE(accepts(r));
  r = right;
  r.trsm = [](bool left, bool upper, bool trans, bool, int m, int n, const T* a, int lda, T* b, int ldb) {
    plain<T>().trsm(left, upper, trans, false, m, n, a, lda, b, ldb);
  };
  CHECK_FALSE(accepts(r));
  r = right;
  r.dot = [](int n, const T* x, const T* y) { return plain<T>().dot(n / 4 * 4, x, y); };
  CHECK_FALSE(accepts(r));
}

}  // namespace

TEST_CASE("BLAS self-test: the linked BLAS passes", "[blas_core]") {
  CHECK(self_test(blas_routines<float>(), blas_routines<double>()));
}

TEST_CASE("BLAS self-test: plain loops pass, and a single wrong number fails", "[blas_core]") {
  check_rejections<float>();
  check_rejections<double>();
}

TEST_CASE("BLAS self-test: numbers of too few digits fail", "[blas_core]") {
  // Products in bf16, as some libraries have them for f32: 8 bits.
  Routines<float> r = plain<float>();
  r.gemm = [](bool ta, bool tb, int n, int m, int k, const float* a, int lda, const float* b, int ldb, float beta,
              float* c, int ldc) {
    const auto rounded = [](const float* x, int rows, int ld) {
      std::vector<float> y(x, x + static_cast<std::ptrdiff_t>(rows) * ld);
      for (auto& v : y) v = std::ldexp(std::nearbyint(std::ldexp(v, 8)), -8);
      return y;
    };
    const auto low_a = rounded(a, ta ? k : n, lda);
    const auto low_b = rounded(b, tb ? m : k, ldb);
    plain<float>().gemm(ta, tb, n, m, k, low_a.data(), lda, low_b.data(), ldb, beta, c, ldc);
  };
  CHECK_FALSE(accepts(r));
}

#if defined(__unix__)
TEST_CASE("BLAS self-test: an illegal instruction or address is a failure, not the end", "[blas_core]") {
  struct sigaction before = {};
  sigaction(SIGILL, nullptr, &before);
  Routines<float> r = plain<float>();
  r.gemm = [](bool, bool, int, int, int, const float*, int, const float*, int, float, float*, int) {
    std::raise(SIGILL);
  };
  CHECK_FALSE(accepts(r));
  CHECK_FALSE(accepts(r));  // the signal is not left blocked
  r = plain<float>();
  r.dot = [](int, const float*, const float*) -> float {
    std::raise(SIGSEGV);
    return 0;
  };
  CHECK_FALSE(accepts(r));
  CHECK(accepts(plain<float>()));

  struct sigaction after = {};
  sigaction(SIGILL, nullptr, &after);
  CHECK(after.sa_handler == before.sa_handler);
}
#endif
