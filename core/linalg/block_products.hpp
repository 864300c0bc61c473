// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/blocks.hpp>

#include <cstdint>
#include <vector>

/// Products and factorizations of f64 matrices in place, for solvers that keep their own memory.
namespace newtape::core {

/// See BlockGram and SchurElimination.
void block_gram(const kernels::BlockGram& products);
/// -1, or the first block whose V is not positive definite.
std::int64_t schur_eliminate(const kernels::SchurElimination& elimination);

/// Replaces the upper triangle of a [n, n], row-major, by R with R^T R = a; false unless a is positive definite.
bool cholesky_in_place(std::int64_t n, double* a);
/// Replaces b [n] by the solution of R^T R x = b.
void cholesky_solve_in_place(std::int64_t n, const double* r, double* b);

/// The QR factorization of a matrix, whose Q is applied and never formed.
class HouseholderQR {
 public:
  /// Of a [rows, columns], column-major, rows >= columns. NumericalError naming `op` when LAPACK cannot count the elements.
  HouseholderQR(std::int64_t rows, std::int64_t columns, std::vector<double> a, const char* op);
  /// Replaces b [rows] by Q^T b, or by Q b.
  void apply_transposed(double* b) const;
  void apply(double* b) const;
  /// Replaces the first `columns` of b by the solution of R x = b; false when R has a zero on its diagonal.
  bool solve_triangle(double* b) const;
  /// Replaces the first `columns` of b by the solution of R^T x = b. R's diagonal must have no zeros.
  void solve_transposed_triangle(double* b) const;
  /// An element of R, i <= j, and of its diagonal.
  double upper(std::int64_t i, std::int64_t j) const noexcept { return a_[static_cast<std::size_t>(j * rows_ + i)]; }
  double diagonal(std::int64_t i) const noexcept { return upper(i, i); }

 private:
  void apply(const char* transposed, double* b) const;

  std::int64_t rows_, columns_;
  std::vector<double> a_, tau_;
};

}  // namespace newtape::core
