// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/core/runtime/error.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <utility>

extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming): LAPACK's name
void dormqr_(const char*, const char*, const int*, const int*, const int*, const double*, const int*, const double*,
             double*, const int*, double*, const int*, int*);
}

namespace newtape::core {

void block_gram(const kernels::BlockGram& products) { kernels::select<kernels::BlockTable>().gram(products); }
std::int64_t schur_eliminate(const kernels::SchurElimination& elimination) {
  return kernels::select<kernels::BlockTable>().eliminate(elimination);
}

bool cholesky_in_place(std::int64_t n, double* a) {
  if (n == 0) return true;
  const blas::Session session;
  // The upper triangle by rows is the lower one by columns.
  return blas::potrf('L', static_cast<int>(n), a, static_cast<int>(n)) == 0;
}

void cholesky_solve_in_place(std::int64_t n, const double* r, double* b) {
  if (n == 0) return;
  const blas::Session session;
  const int order = static_cast<int>(n);
  blas::trsv(CblasUpper, CblasTrans, CblasNonUnit, order, r, order, b);
  blas::trsv(CblasUpper, CblasNoTrans, CblasNonUnit, order, r, order, b);
}

HouseholderQR::HouseholderQR(std::int64_t rows, std::int64_t columns, std::vector<double> a, const char* op)
    : rows_(rows), columns_(columns), a_(std::move(a)), tau_(static_cast<std::size_t>(columns)) {
  if (rows > INT32_MAX || columns > INT32_MAX / 64) {
    raise<NumericalError>(fmt::format("{}: the matrix is too large for a dense QR", op), "fewer rows or columns",
                          fmt::format("[{}, {}]", rows, columns));
  }
  if (columns == 0) return;
  const blas::Session session;
  constexpr int block = 64;  // columns that LAPACK works on at once
  std::vector<double> work(static_cast<std::size_t>(columns * block));
  blas::geqrf(static_cast<int>(rows), static_cast<int>(columns), a_.data(), static_cast<int>(rows), tau_.data(),
              work.data(), static_cast<int>(work.size()));
}

void HouseholderQR::apply_transposed(double* b) const { apply("T", b); }
void HouseholderQR::apply(double* b) const { apply("N", b); }

void HouseholderQR::apply(const char* transposed, double* b) const {
  if (columns_ == 0) return;
  const blas::Session session;
  const int rows = static_cast<int>(rows_), columns = static_cast<int>(columns_), one = 1, length = 64;
  double work[64];
  int info = 0;
  dormqr_("L", transposed, &rows, &one, &columns, a_.data(), &rows, tau_.data(), b, &rows, work, &length, &info);
}

bool HouseholderQR::solve_triangle(double* b) const {
  for (std::int64_t i = columns_; i-- > 0;) {
    const double pivot = diagonal(i);
    if (pivot == 0) return false;
    b[i] /= pivot;
    const double* column = a_.data() + i * rows_;
    for (std::int64_t k = 0; k < i; ++k) b[k] -= column[k] * b[i];
  }
  return true;
}

void HouseholderQR::solve_transposed_triangle(double* b) const {
  for (std::int64_t i = 0; i < columns_; ++i) {
    const double* column = a_.data() + i * rows_;
    for (std::int64_t k = 0; k < i; ++k) b[i] -= column[k] * b[k];
    b[i] /= column[i];
  }
}

}  // namespace newtape::core
