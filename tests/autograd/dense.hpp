// SPDX-License-Identifier: BSD-3-Clause
// Small matrices in long double: textbook algorithms for the references of linear algebra, and operands that are well
// conditioned for any random numbers.
#pragma once

#include "table.hpp"

#include <complex>
#include <utility>
#include <vector>

namespace newtape::table {

using Real = long double;

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<Real> data;

  Matrix() = default;
  Matrix(std::int64_t m, std::int64_t n, Real value = 0)
      : rows(m), columns(n), data(static_cast<std::size_t>(m * n), value) {}
  Real& operator()(std::int64_t i, std::int64_t j) { return data[static_cast<std::size_t>(i * columns + j)]; }
  Real operator()(std::int64_t i, std::int64_t j) const { return data[static_cast<std::size_t>(i * columns + j)]; }
};
using Matrices = std::vector<Matrix>;

Matrix identity(std::int64_t n);
Matrix transposed(const Matrix& a);
Matrix operator*(const Matrix& a, const Matrix& b);
Matrix operator+(const Matrix& a, const Matrix& b);
Matrix operator*(Real c, const Matrix& a);
/// Elementwise.
Matrix apply(const Matrix& a, Real (*f)(Real));
Matrix block(const Matrix& a, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns);

/// Gaussian elimination with partial pivoting: the solution, and the determinant.
Matrix eliminated(Matrix a, Matrix b, Real* det = nullptr);
inline Matrix inverse(const Matrix& a) { return eliminated(a, identity(a.rows)); }
Real determinant(const Matrix& a);
/// l with l l^T = a, by columns.
Matrix cholesky_of(const Matrix& a);
/// q (orthonormal columns) and r with a positive diagonal, by Gram-Schmidt with reorthogonalization; rows >= columns.
std::pair<Matrix, Matrix> orthogonalised(const Matrix& a);
/// Eigenvalues (a column, ascending) and vectors of a symmetric matrix, by Jacobi rotations.
std::pair<Matrix, Matrix> rotated(Matrix a);
/// Singular values (a column, descending) and, as columns, the right vectors.
std::pair<Matrix, Matrix> singular(const Matrix& a);
/// a^+ for a of full rank.
Matrix pseudo_inverse(const Matrix& a);
/// Roots of the characteristic polynomial, sorted by real, then imaginary part (Faddeev & LeVerrier, Durand & Kerner).
std::vector<std::complex<Real>> roots(const Matrix& a);

/// f of every matrix of a stack (vectors are columns), leading axes broadcast. The last `drop` axes of f's results, of
/// length 1, are removed.
Reference over_stacks(std::function<Matrix(const Matrices&)> f, std::size_t drop = 0);

// --- operands: x [.., m, n], elements within [-1, 1] ---

/// 3 x / 8 + diag(2, 3, ..): well conditioned, singular values distinct.
Tensor regular(const Tensor& x);
Matrix regular(const Matrix& x);
/// (x + x^T) / 8 + diag(1, 2, ..): distinct eigenvalues.
Tensor symmetric(const Tensor& x);
Matrix symmetric(const Matrix& x);
/// x x^T / 4 + diag(1, 2, ..): positive definite.
Tensor positive(const Tensor& x);
Matrix positive(const Matrix& x);

}  // namespace newtape::table
