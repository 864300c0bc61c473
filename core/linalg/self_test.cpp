// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/self_test.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <memory>

#if defined(__unix__) || defined(__APPLE__)
#define NEWTAPE_HAVE_SIGNALS 1
#include <csetjmp>
#include <csignal>
#endif

namespace newtape::core::blas {
namespace {

constexpr int padding = 3;        // after each row; must stay as it was
constexpr int largest = 1 << 15;  // elements of any operand below, padding included

/// Uninitialised, so that only the pages that are used cost time.
template <class T>
class Buffer {
 public:
  T& operator[](int i) { return data_[static_cast<std::size_t>(i)]; }
  T* begin() { return data_.get(); }

 private:
  std::unique_ptr<T[]> data_{new T[largest]};
};

/// Every buffer is allocated before the first call: a routine that is interrupted by a fault is left by a jump, which
/// runs no destructors.
template <class T>
class Trial {
 public:
  explicit Trial(const Routines<T>& routines) : routines_(routines) {}

  bool run() {
    for (int i = 1; i <= 33; ++i) {
      const int k = 7 * i % 34;
      if (!gemm(i, 34 - i, k, true) || !gemv(i, 34 - i) || !dot(i)) return false;
    }
    // Past the largest tile; and past one block of k, with more than the 10^6 multiplications up to which SkylakeX has
    // kernels for small matrices.
    if (!gemm(71, 67, 73, true) || !gemm(49, 37, 601, false)) return false;
    if (!gemv(131, 67) || !gemv(35, 300) || !dot(1001)) return false;
    constexpr std::array<std::array<int, 2>, 6> systems{{{1, 1}, {2, 3}, {5, 4}, {9, 8}, {19, 11}, {37, 6}}};
    for (int flags = 0; flags < 16; ++flags) {
      for (const auto& s : systems) {
        if (!trsm((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0, s[0], s[1])) return false;
      }
    }
    return trsm(true, false, false, false, 139, 3) && trsm(false, true, true, false, 139, 3);
  }

 private:
  static constexpr double eps = std::numeric_limits<T>::epsilon();
  static constexpr T sentinel = 7;

  /// Uniform in [-1, 1).
  T next() {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<T>(static_cast<double>(static_cast<std::int32_t>(state_)) / 2147483648.0);
  }

  /// x [rows, columns] and its transpose, each with padding.
  void fill(Buffer<T>& x, Buffer<T>& xt, int rows, int columns) {
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        x[i * (columns + padding) + j] = xt[j * (rows + padding) + i] = next();
      }
    }
  }

  /// expected = a b in plain loops, with the norms of a's rows and b's columns: these bound the sum of the absolute
  /// products (Cauchy-Schwarz), and that the rounding errors.
  void multiply(int n, int m, int k) {
    const int lda = k + padding;
    const int ldb = m + padding;
    std::fill_n(column_norms_.begin(), m, 0.0);
    for (int l = 0; l < k; ++l) {
      for (int j = 0; j < m; ++j) column_norms_[j] += double(b_[l * ldb + j]) * double(b_[l * ldb + j]);
    }
    for (int j = 0; j < m; ++j) column_norms_[j] = std::sqrt(column_norms_[j]);
    for (int i = 0; i < n; ++i) {
      double* const row = expected_.begin() + i * m;
      std::fill_n(row, m, 0.0);
      double square = 0;
      for (int l = 0; l < k; ++l) {
        const double x = a_[i * lda + l];
        const T* const other = b_.begin() + l * ldb;
        square += x * x;
        for (int j = 0; j < m; ++j) row[j] += x * double(other[j]);
      }
      row_norms_[i] = std::sqrt(square);
    }
  }

  bool gemm(int n, int m, int k, bool all) {
    fill(a_, at_, n, k);
    fill(b_, bt_, k, m);
    multiply(n, m, k);
    const int ldc = m + padding;
    for (int variant = 0; variant < 8; ++variant) {
      if (!all && variant != 0 && variant != 7) continue;
      const bool ta = (variant & 1) != 0;
      const bool tb = (variant & 2) != 0;
      const T beta = (variant & 4) != 0 ? T(1) : T(0);
      // With beta = 0 what stood there must not matter.
      const T before = beta == 0 ? std::numeric_limits<T>::quiet_NaN() : T(0.5);
      for (int i = 0; i < n; ++i) {
        std::fill_n(c_.begin() + i * ldc, m, before);
        std::fill_n(c_.begin() + i * ldc + m, padding, sentinel);
      }
      routines_.gemm(ta, tb, n, m, k, ta ? at_.begin() : a_.begin(), (ta ? n : k) + padding,
                     tb ? bt_.begin() : b_.begin(), (tb ? k : m) + padding, beta, c_.begin(), ldc);
      const double added = beta == 0 ? 0 : 0.5;
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < m; ++j) {
          const double bound = (k + 1) * eps * (row_norms_[i] * column_norms_[j] + added);
          if (!(std::abs(double(c_[i * ldc + j]) - (expected_[i * m + j] + added)) <= bound)) return false;
        }
        if (!untouched(c_.begin() + i * ldc + m)) return false;
      }
    }
    return true;
  }

  static bool untouched(const T* after) {
    return std::all_of(after, after + padding, [](T x) { return x == sentinel; });
  }

  bool gemv(int rows, int columns) {
    fill(a_, at_, rows, columns);
    for (int variant = 0; variant < 8; ++variant) {
      const bool trans = (variant & 1) != 0;
      const int step = (variant & 2) != 0 ? 3 : 1;
      const T beta = (variant & 4) != 0 ? T(1) : T(0);
      const int n = trans ? columns : rows;
      const int k = trans ? rows : columns;
      for (int l = 0; l < k; ++l) b_[l * step] = next();
      std::fill_n(c_.begin(), n, beta == 0 ? T(0) : T(0.5));
      std::fill_n(c_.begin() + n, padding, sentinel);
      routines_.gemv(trans, rows, columns, a_.begin(), columns + padding, b_.begin(), step, beta, c_.begin());
      for (int i = 0; i < n; ++i) {
        double sum = beta == 0 ? 0 : 0.5;
        double size = sum;
        for (int l = 0; l < k; ++l) {
          const double p =
              double(trans ? at_[i * (rows + padding) + l] : a_[i * (columns + padding) + l]) * b_[l * step];
          sum += p;
          size += std::abs(p);
        }
        if (!(std::abs(double(c_[i]) - sum) <= (k + 1) * eps * size)) return false;
      }
      if (!untouched(c_.begin() + n)) return false;
    }
    return true;
  }

  bool dot(int n) {
    double sum = 0;
    double size = 0;
    for (int i = 0; i < n; ++i) {
      a_[i] = next();
      b_[i] = next();
      sum += double(a_[i]) * double(b_[i]);
      size += std::abs(double(a_[i]) * double(b_[i]));
    }
    return std::abs(double(routines_.dot(n, a_.begin(), b_.begin())) - sum) <= n * eps * size;
  }

  /// The residual of op(a) x = b or x op(a) = b with n unknowns a system and k systems. The other triangle, and a unit
  /// diagonal, hold numbers that must not be read.
  bool trsm(bool left, bool upper, bool trans, bool unit, int n, int k) {
    const int lda = n + padding;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        const bool used = i == j ? !unit : upper == (j > i);
        // Small beside the diagonal, so that x stays about as large as b.
        a_[i * lda + j] = !used    ? std::numeric_limits<T>::quiet_NaN()
                          : i == j ? 2 + next()
                                   : next() / static_cast<T>(n);
      }
    }
    const int rows = left ? n : k;
    const int columns = left ? k : n;
    const int ldb = columns + padding;
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) b_[i * ldb + j] = c_[i * ldb + j] = next();
      std::fill_n(c_.begin() + i * ldb + columns, padding, sentinel);
    }
    routines_.trsm(left, upper, trans, unit, rows, columns, a_.begin(), lda, c_.begin(), ldb);
    // Element (i, l) of the matrix that x is multiplied by; from the right, of its transpose.
    const auto element = [&](int i, int l) -> double {
      if (i == l && unit) return 1;
      const bool swap = trans == left;
      const int row = swap ? l : i;
      const int column = swap ? i : l;
      return row == column || upper == (column > row) ? double(a_[row * lda + column]) : 0;
    };
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < k; ++j) {
        double sum = 0;
        double size = 0;
        for (int l = 0; l < n; ++l) {
          const double p = element(i, l) * double(c_[left ? l * ldb + j : j * ldb + l]);
          sum += p;
          size += std::abs(p);
        }
        if (!(std::abs(sum - double(b_[left ? i * ldb + j : j * ldb + i])) <= (n + 1) * eps * size)) return false;
      }
    }
    for (int i = 0; i < rows; ++i) {
      if (!untouched(c_.begin() + i * ldb + columns)) return false;
    }
    return true;
  }

  const Routines<T>& routines_;
  Buffer<T> a_{}, at_{}, b_{}, bt_{}, c_{};
  Buffer<double> expected_{}, row_norms_{}, column_norms_{};
  std::uint32_t state_ = 1;
};

#if defined(NEWTAPE_HAVE_SIGNALS)

constinit thread_local sigjmp_buf* landing = nullptr;

void on_fault(int signal) {
  if (landing != nullptr) siglongjmp(*landing, 1);
  std::signal(signal, SIG_DFL);  // another thread's: the instruction runs again, and ends the process as ever
}

/// For a scope, faults of this thread end at `landing`. Features decide which kernels are tried, so a fault is not
/// expected; but an emulator or a hypervisor may claim an instruction that it lacks, and libraries have been built with
/// more instructions than their core stands for. Kernels hold no lock, and at most one buffer, which is then lost.
class FaultHandlers {
 public:
  explicit FaultHandlers(sigjmp_buf& target) {
    struct sigaction action = {};
    action.sa_handler = on_fault;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before_[i]);
    landing = &target;
  }
  FaultHandlers(const FaultHandlers&) = delete;
  FaultHandlers& operator=(const FaultHandlers&) = delete;
  ~FaultHandlers() {
    landing = nullptr;
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 4> signals{SIGILL, SIGSEGV, SIGBUS, SIGFPE};
  std::array<struct sigaction, 4> before_{};
};

template <class T>
bool passes(const Routines<T>& routines) {
  Trial<T> trial(routines);
  sigjmp_buf target;
  const FaultHandlers handlers(target);
  return sigsetjmp(target, 1) == 0 && trial.run();
}

#else

template <class T>
bool passes(const Routines<T>& routines) {
  return Trial<T>(routines).run();
}

#endif

CBLAS_TRANSPOSE transposed(bool trans) { return trans ? CblasTrans : CblasNoTrans; }

float dot(int n, const float* x, const float* y) { return cblas_sdot(n, x, 1, y, 1); }
double dot(int n, const double* x, const double* y) { return cblas_ddot(n, x, 1, y, 1); }

}  // namespace

template <class T>
Routines<T> blas_routines() noexcept {
  return {[](bool ta, bool tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) {
            gemm_always<T>(transposed(ta), transposed(tb), n, m, k, a, lda, b, ldb, beta, c, ldc);
          },
          [](bool trans, int rows, int columns, const T* a, int lda, const T* x, int step, T beta, T* y) {
            blas::gemv<T>(transposed(trans), rows, columns, a, lda, x, step, beta, y, 1);
          },
          [](bool left, bool upper, bool trans, bool unit, int m, int n, const T* a, int lda, T* b, int ldb) {
            blas::trsm(left ? CblasLeft : CblasRight, upper ? CblasUpper : CblasLower, transposed(trans),
                       unit ? CblasUnit : CblasNonUnit, m, n, a, lda, b, ldb);
          },
          [](int n, const T* x, const T* y) { return dot(n, x, y); }};
}

template Routines<float> blas_routines<float>() noexcept;
template Routines<double> blas_routines<double>() noexcept;

bool self_test(const Routines<float>& single, const Routines<double>& twice) { return passes(single) && passes(twice); }

}  // namespace newtape::core::blas
