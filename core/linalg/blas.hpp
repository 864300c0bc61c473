// SPDX-License-Identifier: BSD-3-Clause
// Shared by core's files that call BLAS and LAPACK: the routines under one name for float and double, operands in a
// layout that these accept, and the loop over a stack of matrices.
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <xflens/cxxblas/drivers/cblas.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): LAPACK's names
void sgetrf_(const int*, const int*, float*, const int*, int*, int*);
void dgetrf_(const int*, const int*, double*, const int*, int*, int*);
void sgetri_(const int*, float*, const int*, const int*, float*, const int*, int*);
void dgetri_(const int*, double*, const int*, const int*, double*, const int*, int*);
void spotrf_(const char*, const int*, float*, const int*, int*);
void dpotrf_(const char*, const int*, double*, const int*, int*);
void sgeqrf_(const int*, const int*, float*, const int*, float*, float*, const int*, int*);
void dgeqrf_(const int*, const int*, double*, const int*, double*, double*, const int*, int*);
void sorgqr_(const int*, const int*, const int*, float*, const int*, const float*, float*, const int*, int*);
void dorgqr_(const int*, const int*, const int*, double*, const int*, const double*, double*, const int*, int*);
void ssyevd_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*, int*, const int*,
             int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*, const int*, int*, const int*,
             int*);
void sgesdd_(const char*, const int*, const int*, float*, const int*, float*, float*, const int*, float*, const int*,
             float*, const int*, int*, int*);
void dgesdd_(const char*, const int*, const int*, double*, const int*, double*, double*, const int*, double*,
             const int*, double*, const int*, int*, int*);
void ssyev_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*, int*);
void dsyev_(const char*, const char*, const int*, double*, const int*, double*, double*, const int*, int*);
void sgesvd_(const char*, const char*, const int*, const int*, float*, const int*, float*, float*, const int*, float*,
             const int*, float*, const int*, int*);
void dgesvd_(const char*, const char*, const int*, const int*, double*, const int*, double*, double*, const int*,
             double*, const int*, double*, const int*, int*);
void sgeev_(const char*, const char*, const int*, float*, const int*, float*, float*, float*, const int*, float*,
            const int*, float*, const int*, int*);
void dgeev_(const char*, const char*, const int*, double*, const int*, double*, double*, double*, const int*, double*,
            const int*, double*, const int*, int*);
using GeesSelectF = int (*)(const float*, const float*);
using GeesSelectD = int (*)(const double*, const double*);
void sgees_(const char*, const char*, GeesSelectF, const int*, float*, const int*, int*, float*, float*, float*,
            const int*, float*, const int*, int*, int*);
void dgees_(const char*, const char*, GeesSelectD, const int*, double*, const int*, int*, double*, double*, double*,
            const int*, double*, const int*, int*, int*);
void strsyl_(const char*, const char*, const int*, const int*, const int*, const float*, const int*, const float*,
             const int*, float*, const int*, float*, int*);
void dtrsyl_(const char*, const char*, const int*, const int*, const int*, const double*, const int*, const double*,
             const int*, double*, const int*, double*, int*);
void ssytrf_(const char*, const int*, float*, const int*, int*, float*, const int*, int*);
void dsytrf_(const char*, const int*, double*, const int*, int*, double*, const int*, int*);
// NOLINTEND(readability-identifier-naming)
}

namespace newtape::core::blas {

/// Make one before any other function of BLAS is called, and keep it until the last one has returned. The first selects
/// OpenBLAS's core (core_choice), unless that was done when the program was loaded. While any exists, OpenBLAS uses the
/// calling thread only: its pool would compete with Newtape's. After the last one the program's own number of threads
/// holds again, unless it was changed meanwhile.
class Session {
 public:
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

 private:
  int before_;  ///< this thread's number, where each has its own (OpenMP)
};

/// Whether BLAS accepts the layout of the last two axes: one has stride 1, and the rows along it do not overlap.
inline bool layout(std::int64_t rows, std::int64_t columns, std::int64_t row_step, std::int64_t column_step,
                   CBLAS_TRANSPOSE& transposed, int& leading) {
  const auto fits = [](std::int64_t step, std::int64_t least) {
    return step >= std::max<std::int64_t>(least, 1) && step <= INT32_MAX;
  };
  if ((column_step == 1 || columns == 1) && (rows == 1 || fits(row_step, columns))) {
    transposed = CblasNoTrans;
    leading = static_cast<int>(rows == 1 ? std::max<std::int64_t>(columns, 1) : row_step);
    return true;
  }
  if ((row_step == 1 || rows == 1) && (columns == 1 || fits(column_step, rows))) {
    transposed = CblasTrans;
    leading = static_cast<int>(columns == 1 ? std::max<std::int64_t>(rows, 1) : column_step);
    return true;
  }
  return false;
}

/// An operand with its batch strides, copied only when BLAS cannot read it.
struct Operand {
  Array array;
  CBLAS_TRANSPOSE transposed = CblasNoTrans;
  int leading = 0;

  explicit Operand(const Array& x) : array(x) {
    if (!describe()) {
      array = copy(x);
      describe();
    }
  }
  bool describe() {
    const auto& s = array.shape();
    const auto& t = array.strides();
    const std::size_t n = s.size();
    return layout(s[n - 2], s[n - 1], t[n - 2], t[n - 1], transposed, leading);
  }
};

template <class T>
void gemv(CBLAS_TRANSPOSE trans, int rows, int columns, const T* a, int lda, const T* x, int step, T beta, T* y,
          int y_step) {
  if constexpr (std::is_same_v<T, float>) {
    cblas_sgemv(CblasRowMajor, trans, rows, columns, 1.0F, a, lda, x, step, beta, y, y_step);
  } else {
    cblas_dgemv(CblasRowMajor, trans, rows, columns, 1.0, a, lda, x, step, beta, y, y_step);
  }
}

/// c [n, m] = a b + beta c
template <class T>
void gemm_always(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb,
                 T beta, T* c, int ldc) {
  if constexpr (std::is_same_v<T, float>) {
    cblas_sgemm(CblasRowMajor, ta, tb, n, m, k, 1.0F, a, lda, b, ldb, beta, c, ldc);
  } else {
    cblas_dgemm(CblasRowMajor, ta, tb, n, m, k, 1.0, a, lda, b, ldb, beta, c, ldc);
  }
}

/// c [n, m] = a b + beta c. Products with a vector use gemv: gemm would first copy the matrix.
template <class T>
void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int n, int m, int k, const T* a, int lda, const T* b, int ldb, T beta,
          T* c, int ldc) {
  if (m == 1 || n == 1) {
    // Some versions of gemv compute 0 * y for beta = 0, which keeps a NaN.
    for (int i = 0; beta == 0 && i < n * m; ++i) c[m == 1 ? static_cast<std::ptrdiff_t>(i) * ldc : i] = 0;
    if (m == 1) {
      const bool plain = ta == CblasNoTrans;
      gemv<T>(ta, plain ? n : k, plain ? k : n, a, lda, b, tb == CblasNoTrans ? ldb : 1, beta, c, ldc);
    } else {
      const bool plain = tb == CblasNoTrans;
      gemv<T>(plain ? CblasTrans : CblasNoTrans, plain ? k : m, plain ? m : k, b, ldb, a, ta == CblasNoTrans ? 1 : lda,
              beta, c, 1);
    }
  } else {
    gemm_always<T>(ta, tb, n, m, k, a, lda, b, ldb, beta, c, ldc);
  }
}

/// The offset of batch member `index` (over `batch`) in an operand whose leading axes broadcast.
inline std::int64_t batch_offset(std::int64_t index, const Shape& batch, const Array& x) {
  std::int64_t offset = 0;
  const std::size_t own = x.ndim() - 2;
  for (std::size_t i = batch.size(); i-- > 0;) {
    const auto at = index % batch[i];
    index /= batch[i];
    const std::size_t from_last = batch.size() - i;
    if (from_last <= own && x.shape()[own - from_last] != 1) offset += at * x.strides()[own - from_last];
  }
  return offset;
}

// --- BLAS and LAPACK, one overload for each dtype ---

inline void trsm(CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, int n, const float* a,
                 int lda, float* b, int ldb) {
  cblas_strsm(CblasRowMajor, side, uplo, trans, diag, m, n, 1.0F, a, lda, b, ldb);
}
inline void trsm(CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, int n,
                 const double* a, int lda, double* b, int ldb) {
  cblas_dtrsm(CblasRowMajor, side, uplo, trans, diag, m, n, 1.0, a, lda, b, ldb);
}
inline void trsv(CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n, const float* a, int lda, float* x) {
  cblas_strsv(CblasRowMajor, uplo, trans, diag, n, a, lda, x, 1);
}
inline void trsv(CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n, const double* a, int lda, double* x) {
  cblas_dtrsv(CblasRowMajor, uplo, trans, diag, n, a, lda, x, 1);
}
inline void trmm(CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, int n, float alpha,
                 const float* a, int lda, float* b, int ldb) {
  cblas_strmm(CblasRowMajor, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
inline void trmm(CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, int n, double alpha,
                 const double* a, int lda, double* b, int ldb) {
  cblas_dtrmm(CblasRowMajor, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
inline int getrf(int m, int n, float* a, int lda, int* pivots) {
  int info = 0;
  sgetrf_(&m, &n, a, &lda, pivots, &info);
  return info;
}
inline int getrf(int m, int n, double* a, int lda, int* pivots) {
  int info = 0;
  dgetrf_(&m, &n, a, &lda, pivots, &info);
  return info;
}
inline int getri(int n, float* a, int lda, const int* pivots, float* work, int lwork) {
  int info = 0;
  sgetri_(&n, a, &lda, pivots, work, &lwork, &info);
  return info;
}
inline int getri(int n, double* a, int lda, const int* pivots, double* work, int lwork) {
  int info = 0;
  dgetri_(&n, a, &lda, pivots, work, &lwork, &info);
  return info;
}
inline int potrf(char uplo, int n, float* a, int lda) {
  int info = 0;
  spotrf_(&uplo, &n, a, &lda, &info);
  return info;
}
inline int potrf(char uplo, int n, double* a, int lda) {
  int info = 0;
  dpotrf_(&uplo, &n, a, &lda, &info);
  return info;
}
inline int geqrf(int m, int n, float* a, int lda, float* tau, float* work, int lwork) {
  int info = 0;
  sgeqrf_(&m, &n, a, &lda, tau, work, &lwork, &info);
  return info;
}
inline int geqrf(int m, int n, double* a, int lda, double* tau, double* work, int lwork) {
  int info = 0;
  dgeqrf_(&m, &n, a, &lda, tau, work, &lwork, &info);
  return info;
}
inline int orgqr(int m, int n, int k, float* a, int lda, const float* tau, float* work, int lwork) {
  int info = 0;
  sorgqr_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);
  return info;
}
inline int orgqr(int m, int n, int k, double* a, int lda, const double* tau, double* work, int lwork) {
  int info = 0;
  dorgqr_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);
  return info;
}
inline int syevd(char job, char uplo, int n, float* a, int lda, float* w, float* work, int lwork, int* iwork,
                 int liwork) {
  int info = 0;
  ssyevd_(&job, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info);
  return info;
}
inline int syevd(char job, char uplo, int n, double* a, int lda, double* w, double* work, int lwork, int* iwork,
                 int liwork) {
  int info = 0;
  dsyevd_(&job, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info);
  return info;
}
inline int gesdd(char job, int m, int n, float* a, int lda, float* s, float* u, int ldu, float* vt, int ldvt,
                 float* work, int lwork, int* iwork) {
  int info = 0;
  sgesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info);
  return info;
}
inline int gesdd(char job, int m, int n, double* a, int lda, double* s, double* u, int ldu, double* vt, int ldvt,
                 double* work, int lwork, int* iwork) {
  int info = 0;
  dgesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info);
  return info;
}
inline int syev(char job, char uplo, int n, float* a, int lda, float* w, float* work, int lwork) {
  int info = 0;
  ssyev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info);
  return info;
}
inline int syev(char job, char uplo, int n, double* a, int lda, double* w, double* work, int lwork) {
  int info = 0;
  dsyev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info);
  return info;
}
inline int gesvd(char job, int m, int n, float* a, int lda, float* s, float* u, int ldu, float* vt, int ldvt,
                 float* work, int lwork) {
  int info = 0;
  sgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info);
  return info;
}
inline int gesvd(char job, int m, int n, double* a, int lda, double* s, double* u, int ldu, double* vt, int ldvt,
                 double* work, int lwork) {
  int info = 0;
  dgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info);
  return info;
}
inline int geev(char left, char right, int n, float* a, int lda, float* wr, float* wi, float* vl, int ldvl, float* vr,
                int ldvr, float* work, int lwork) {
  int info = 0;
  sgeev_(&left, &right, &n, a, &lda, wr, wi, vl, &ldvl, vr, &ldvr, work, &lwork, &info);
  return info;
}
inline int geev(char left, char right, int n, double* a, int lda, double* wr, double* wi, double* vl, int ldvl,
                double* vr, int ldvr, double* work, int lwork) {
  int info = 0;
  dgeev_(&left, &right, &n, a, &lda, wr, wi, vl, &ldvl, vr, &ldvr, work, &lwork, &info);
  return info;
}

inline int gees(int n, float* a, float* wr, float* wi, float* z, float* work, int lwork) {
  int sdim = 0, info = 0;
  sgees_("V", "N", nullptr, &n, a, &n, &sdim, wr, wi, z, &n, work, &lwork, nullptr, &info);
  return info;
}
inline int gees(int n, double* a, double* wr, double* wi, double* z, double* work, int lwork) {
  int sdim = 0, info = 0;
  dgees_("V", "N", nullptr, &n, a, &n, &sdim, wr, wi, z, &n, work, &lwork, nullptr, &info);
  return info;
}
inline int trsyl(const char* trans, int m, int n, const float* t, const float* s, float* x, float& scale) {
  int info = 0;
  const int sign = 1;
  strsyl_(trans, trans, &sign, &m, &n, t, &m, s, &n, x, &m, &scale, &info);
  return info;
}
inline int trsyl(const char* trans, int m, int n, const double* t, const double* s, double* x, double& scale) {
  int info = 0;
  const int sign = 1;
  dtrsyl_(trans, trans, &sign, &m, &n, t, &m, s, &n, x, &m, &scale, &info);
  return info;
}
inline int sytrf(int n, float* a, int* pivots, float* work, int lwork) {
  int info = 0;
  ssytrf_("L", &n, a, &n, pivots, work, &lwork, &info);
  return info;
}
inline int sytrf(int n, double* a, int* pivots, double* work, int lwork) {
  int info = 0;
  dsytrf_("L", &n, a, &n, pivots, work, &lwork, &info);
  return info;
}

/// The leading axes of a stack of matrices.
Shape stack_of(const Shape& shape);
/// The member's position in the stack, for messages; empty for a single matrix.
std::string member_name(const Shape& stack, std::int64_t index);
/// ShapeError, DTypeError: `a` must be a float matrix (square), or a stack of them, whose lengths LAPACK can count.
void expect_matrices(const char* op, const Array& a, bool square);
/// ShapeError unless `elements`, of work space or a matrix, can be counted by LAPACK.
void expect_countable(const char* op, const Array& a, double elements);
/// NumericalError for NaN and infinity.
void expect_finite(const char* op, const Array& a);

/// LAPACK's `info` for each member of a stack; 0: success.
class Failures {
 public:
  explicit Failures(std::int64_t members) : info_(static_cast<std::size_t>(members)) {}
  int& operator[](std::int64_t member) { return info_[static_cast<std::size_t>(member)]; }
  /// NumericalError for the first member that failed: `got` is `before`, LAPACK's number, `after`.
  void raise_first(const char* op, const Shape& stack, std::string_view what, std::string_view expected,
                   std::string_view before, std::string_view after) const;

 private:
  std::vector<int> info_;
};

/// Uninitialised memory for one call.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t n)
      : bytes_(static_cast<std::size_t>(std::max<std::int64_t>(n, 1)) * sizeof(T)),
        data_(static_cast<T*>(allocator::allocate(bytes_))) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { allocator::deallocate(data_, bytes_); }
  operator T*() const noexcept { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

/// Calls f(begin, end) for ranges of the members of a stack; `work` is that of one member, in multiplications.
template <class F>
void each_member(std::int64_t count, double work, F&& f) {
  const auto grain = std::max<std::int64_t>(1, static_cast<std::int64_t>((1 << 17) / (work + 1)));
  newtape::detail::parallel_for(count, grain, f);
}

/// Calls f.template operator()<T>() with the float type of `dtype`.
template <class F>
decltype(auto) with_float(DType dtype, F&& f) {
  return dtype == f32 ? f.template operator()<float>() : f.template operator()<double>();
}

}  // namespace newtape::core::blas
