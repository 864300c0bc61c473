// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/self_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#if defined(__unix__) || defined(__APPLE__)
#define NEWTAPE_HAVE_SIGNALS 1
#include <csetjmp>
#include <csignal>
#endif

namespace newtape::core::blas {
namespace {

constexpr int padding = 3;        // after each row; must not be written
constexpr int largest = 1 << 15;  // elements of any operand below, padding included
constexpr int buffers = 8;

/// Allocates nothing: `memory` is the caller's, since a fault leaves a routine by a jump, which runs no destructors.
template <class T>
class Trial {
 public:
  Trial(const Routines<T>& routines, void* memory) : routines_(routines), memory_(static_cast<T*>(memory)) {}

  bool run() {
    for (int i = 1; i <= 33; ++i) {
      const int k = 7 * i % 34;
      if (!gemm(i, 34 - i, k) || (i % 3 == 1 && !gemv(i, 34 - i)) || !dot(i)) return false;
    }
    // Larger than the largest tile; then longer than one block of k, with more than the 10^6 multiplications up to which
    // SkylakeX uses kernels for small matrices (checked in every fifth row).
    if (!gemm(51, 37, 23) || !gemm(51, 37, 601, 5)) return false;
    if (!gemv(131, 35) || !gemv(19, 259) || !dot(1001)) return false;
    constexpr std::array<std::array<int, 2>, 7> systems{{{1, 1}, {2, 3}, {5, 4}, {9, 8}, {3, 18}, {19, 3}, {37, 2}}};
    for (int flags = 0; flags < 16; ++flags) {
      for (const auto& s : systems) {
        if (!trsm((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0, s[0], s[1])) return false;
      }
    }
    return trsm(true, false, false, false, 71, 2) && trsm(false, true, true, false, 71, 2);
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
  void fill(T* x, T* xt, int rows, int columns) {
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        x[i * (columns + padding) + j] = xt[j * (rows + padding) + i] = next();
      }
    }
  }

  /// expected = a b in plain loops, and the norms of a's rows and b's columns. Products of norms bound the sums of
  /// absolute products (Cauchy-Schwarz), which bound the rounding errors.
  void multiply(int n, int m, int k, int step) {
    std::fill_n(column_norms_, m, T(0));
    for (int l = 0; l < k; ++l) {
      const T* const row = &b_[l * (m + padding)];
      for (int j = 0; j < m; ++j) column_norms_[j] += row[j] * row[j];
    }
    for (int j = 0; j < m; ++j) column_norms_[j] = std::sqrt(column_norms_[j]);
    for (int i = 0; i < n; i += step) {
      T* __restrict const sums = &expected_[i * m];
      std::fill_n(sums, m, T(0));
      T square = 0;
      for (int l = 0; l < k; ++l) {
        const T x = a_[i * (k + padding) + l];
        const T* __restrict const other = &b_[l * (m + padding)];
        square += x * x;
        for (int j = 0; j < m; ++j) sums[j] += x * other[j];
      }
      row_norms_[i] = std::sqrt(square);
    }
  }

  /// Whether c = expected + added within the errors of k + 1 roundings in each, and the padding is unchanged.
  bool close(int n, int m, int k, int step, T added) {
    const T unit = static_cast<T>(k + 2) * std::numeric_limits<T>::epsilon();
    for (int i = 0; i < n; ++i) {
      const T* const row = &c_[i * (m + padding)];
      if (!untouched(row + m)) return false;
      if (i % step != 0) continue;
      const T* const right = &expected_[i * m];
      const T* const norms = column_norms_;
      const T scale = unit * row_norms_[i];
      int wrong = 0;  // counted without an early return, so that the loop vectorizes
      for (int j = 0; j < m; ++j) wrong += !(std::abs(row[j] - (right[j] + added)) <= scale * norms[j] + unit * added);
      if (wrong != 0) return false;
    }
    return true;
  }

  /// All variants of transposes and beta; two of them if only every `step`-th row is checked.
  bool gemm(int n, int m, int k, int step = 1) {
    fill(a_, at_, n, k);
    fill(b_, bt_, k, m);
    multiply(n, m, k, step);
    const int ldc = m + padding;
    for (int variant = 0; variant < 8; ++variant) {
      if (step > 1 && variant != 0 && variant != 7) continue;
      const bool ta = (variant & 1) != 0;
      const bool tb = (variant & 2) != 0;
      const T beta = (variant & 4) != 0 ? T(1) : T(0);
      // With beta = 0 the previous contents of c must be ignored.
      const T before = beta == 0 ? std::numeric_limits<T>::quiet_NaN() : T(0.5);
      for (int i = 0; i < n; ++i) {
        std::fill_n(c_ + i * ldc, m, before);
        std::fill_n(c_ + i * ldc + m, padding, sentinel);
      }
      routines_.gemm(ta, tb, n, m, k, ta ? at_ : a_, (ta ? n : k) + padding, tb ? bt_ : b_, (tb ? k : m) + padding,
                     beta, c_, ldc);
      if (!close(n, m, k, step, beta == 0 ? T(0) : T(0.5))) return false;
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
      std::fill_n(c_, n, beta == 0 ? T(0) : T(0.5));
      std::fill_n(c_ + n, padding, sentinel);
      routines_.gemv(trans, rows, columns, a_, columns + padding, b_, step, beta, c_);
      for (int i = 0; i < n; ++i) {
        const T* const row = trans ? &at_[i * (rows + padding)] : &a_[i * (columns + padding)];
        double sum = beta == 0 ? 0 : 0.5;
        double size = sum;
        for (int l = 0; l < k; ++l) {
          const double p = double(row[l]) * double(b_[l * step]);
          sum += p;
          size += std::abs(p);
        }
        if (!(std::abs(double(c_[i]) - sum) <= (k + 1) * eps * size)) return false;
      }
      if (!untouched(c_ + n)) return false;
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
    return std::abs(double(routines_.dot(n, a_, b_)) - sum) <= n * eps * size;
  }

  /// Checks the residuals of k systems op(a) x = b or x op(a) = b of n unknowns. The other triangle and a unit diagonal
  /// are NaN: they must not be read.
  bool trsm(bool left, bool upper, bool trans, bool unit, int n, int k) {
    const int lda = n + padding;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        const bool used = i == j ? !unit : upper == (j > i);
        // Off-diagonal entries are small, so that x is about as large as b.
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
      std::fill_n(c_ + i * ldb + columns, padding, sentinel);
    }
    routines_.trsm(left, upper, trans, unit, rows, columns, a_, lda, c_, ldb);
    // The matrix whose rows multiply a system's unknowns: op(a), or its transpose from the right.
    const bool swap = trans == left;
    for (int i = 0; i < n; ++i) {
      for (int l = 0; l < n; ++l) {
        const bool used = i == l ? !unit : upper != swap ? l > i : l < i;
        at_[i * n + l] = used ? a_[swap ? l * lda + i : i * lda + l] : static_cast<T>(i == l);
      }
    }
    for (int j = 0; j < k; ++j) {
      for (int l = 0; l < n; ++l) bt_[l] = c_[left ? l * ldb + j : j * ldb + l];
      for (int i = 0; i < n; ++i) {
        double sum = -double(b_[left ? i * ldb + j : j * ldb + i]);
        double size = 0;
        for (int l = 0; l < n; ++l) {
          const double p = double(at_[i * n + l]) * double(bt_[l]);
          sum += p;
          size += std::abs(p);
        }
        if (!(std::abs(sum) <= (n + 1) * eps * size)) return false;
      }
    }
    for (int i = 0; i < rows; ++i) {
      if (!untouched(c_ + i * ldb + columns)) return false;
    }
    return true;
  }

  const Routines<T>& routines_;
  T* const memory_;
  T* const a_ = memory_;
  T* const at_ = memory_ + 1 * largest;
  T* const b_ = memory_ + 2 * largest;
  T* const bt_ = memory_ + 3 * largest;
  T* const c_ = memory_ + 4 * largest;
  T* const expected_ = memory_ + 5 * largest;
  T* const row_norms_ = memory_ + 6 * largest;
  T* const column_norms_ = memory_ + 7 * largest;
  std::uint32_t state_ = 1;
};

#if defined(NEWTAPE_HAVE_SIGNALS)

constinit thread_local sigjmp_buf* fault_target = nullptr;

void on_fault(int signal) {
  if (fault_target != nullptr) siglongjmp(*fault_target, 1);
  std::signal(signal, SIG_DFL);  // of another thread: the instruction is repeated, and ends the process as usual
}

/// For a scope, a fault on this thread jumps to `target`. Kernels are tried only if the processor reports their
/// instructions; but an emulator or a hypervisor may report one that it lacks, and a core may have been built with more
/// instructions than it should use. Kernels hold no lock, and at most one buffer, which is then leaked.
class FaultHandlers {
 public:
  explicit FaultHandlers(sigjmp_buf& target) {
    struct sigaction action = {};
    action.sa_handler = on_fault;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before_[i]);
    fault_target = &target;
  }
  FaultHandlers(const FaultHandlers&) = delete;
  FaultHandlers& operator=(const FaultHandlers&) = delete;
  ~FaultHandlers() {
    fault_target = nullptr;
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 4> signals{SIGILL, SIGSEGV, SIGBUS, SIGFPE};
  std::array<struct sigaction, 4> before_{};
};

bool guarded(Trial<float> single, Trial<double> twice) {
  sigjmp_buf target;
  const FaultHandlers handlers(target);
  return sigsetjmp(target, 1) == 0 && single.run() && twice.run();
}

#else

bool guarded(Trial<float> single, Trial<double> twice) { return single.run() && twice.run(); }

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

bool self_test(const Routines<float>& single, const Routines<double>& twice) {
  // Not initialised, so that only the pages in use are touched.
  const std::unique_ptr<double[]> memory(new double[buffers * largest]);
  return guarded(Trial<float>(single, memory.get()), Trial<double>(twice, memory.get()));
}

}  // namespace newtape::core::blas
