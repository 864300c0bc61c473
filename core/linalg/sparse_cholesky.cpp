// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/core/runtime/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#if defined(NEWTAPE_HAVE_CHOLMOD)
#include <cholmod.h>
#endif

namespace newtape::core {

#if defined(NEWTAPE_HAVE_CHOLMOD)

struct SparseCholesky::Body {
  static_assert(sizeof(SuiteSparse_long) == sizeof(std::int64_t));

  Body(std::vector<std::int64_t> given_starts, std::vector<std::int64_t> given_rows)
      : starts(std::move(given_starts)), rows(std::move(given_rows)) {
    cholmod_l_start(&common);
    common.print = 0;
    common.quick_return_if_not_posdef = 1;
    common.final_ll = 1;  // L L^T, which fails where L D L^T has negative pivots
    matrix.nrow = matrix.ncol = starts.size() - 1;
    matrix.nzmax = rows.size();
    matrix.p = starts.data();
    matrix.i = rows.data();
    matrix.stype = -1;
    matrix.itype = CHOLMOD_LONG;
    matrix.xtype = CHOLMOD_PATTERN;
    matrix.dtype = CHOLMOD_DOUBLE;
    matrix.sorted = matrix.packed = 1;
    factor = cholmod_l_analyze(&matrix, &common);
    if (factor == nullptr) {
      const int status = common.status;
      cholmod_l_finish(&common);
      raise<NumericalError>("sparse Cholesky: the pattern cannot be analysed", {}, fmt::format("CHOLMOD {}", status));
    }
    matrix.xtype = CHOLMOD_REAL;
  }
  ~Body() {
    cholmod_l_free_factor(&factor, &common);
    cholmod_l_finish(&common);
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  void expect_success(const char* what) const {
    if (common.status >= CHOLMOD_OK) return;  // above it are warnings, such as that of an indefinite matrix
    raise_failure(what);
  }
  [[noreturn]] void raise_failure(const char* what) const {
    raise<NumericalError>(fmt::format("sparse Cholesky: {} failed", what), {},
                          common.status == CHOLMOD_OUT_OF_MEMORY ? "CHOLMOD is out of memory"
                                                                 : fmt::format("CHOLMOD's status {}", common.status));
  }

  std::vector<std::int64_t> starts, rows;
  cholmod_common common = {};
  cholmod_sparse matrix = {};
  cholmod_factor* factor = nullptr;
};

bool SparseCholesky::available() noexcept { return true; }

SparseCholesky::SparseCholesky(std::vector<std::int64_t> starts, std::vector<std::int64_t> rows) {
  const blas::Session session;
  body_ = std::make_unique<Body>(std::move(starts), std::move(rows));
}
SparseCholesky::~SparseCholesky() = default;

std::int64_t SparseCholesky::order() const noexcept { return static_cast<std::int64_t>(body_->matrix.nrow); }
double SparseCholesky::factor_size() const noexcept { return body_->common.lnz; }

bool SparseCholesky::factorize(std::span<const double> values) {
  const blas::Session session;
  Body& b = *body_;
  b.matrix.x = const_cast<double*>(values.data());  // only read
  cholmod_l_factorize(&b.matrix, b.factor, &b.common);
  b.expect_success("the factorization");
  return b.common.status != CHOLMOD_NOT_POSDEF && b.factor->minor == b.matrix.nrow;
}

void SparseCholesky::solve(double* b, std::int64_t count) {
  const blas::Session session;
  Body& body = *body_;
  cholmod_dense right = {};
  right.nrow = right.d = body.matrix.nrow;
  right.ncol = static_cast<std::size_t>(count);
  right.nzmax = right.nrow * right.ncol;
  right.x = b;
  right.xtype = CHOLMOD_REAL;
  right.dtype = CHOLMOD_DOUBLE;
  cholmod_dense* x = cholmod_l_solve(CHOLMOD_A, body.factor, &right, &body.common);
  if (x == nullptr) body.raise_failure("the solution");
  std::copy_n(static_cast<const double*>(x->x), right.nzmax, b);
  cholmod_l_free_dense(&x, &body.common);
}

#else

struct SparseCholesky::Body {};

bool SparseCholesky::available() noexcept { return false; }
SparseCholesky::SparseCholesky(std::vector<std::int64_t>, std::vector<std::int64_t>) {
  raise<NumericalError>("sparse Cholesky: Newtape was built without CHOLMOD",
                        "SuiteSparse (libsuitesparse-dev) when Newtape is configured", "built without it");
}
SparseCholesky::~SparseCholesky() = default;
std::int64_t SparseCholesky::order() const noexcept { return 0; }
double SparseCholesky::factor_size() const noexcept { return 0; }
bool SparseCholesky::factorize(std::span<const double>) { return false; }
void SparseCholesky::solve(double*, std::int64_t) {}

#endif

}  // namespace newtape::core
