// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/linalg/krylov.hpp>

#include <string_view>

namespace newtape::inspect {

/// A matrix [rows, columns] of f32 or f64 that is given by its products with vectors: a Hessian, a Jacobian, a
/// covariance. Products are checked: ShapeError, DTypeError for another vector or result, NumericalError for a result
/// with non-finite elements.
class LinearOperator {
 public:
  /// Symmetric, [n, n], from v -> A v. The symmetry is not checked.
  LinearOperator(std::int64_t n, DType dtype, core::MatVec product);
  /// [rows, columns], from v -> A v for v [columns] and u -> A^T u for u [rows].
  LinearOperator(std::int64_t rows, std::int64_t columns, DType dtype, core::MatVec product, core::MatVec adjoint);
  /// The products with a matrix; symmetric if the matrix equals its transpose.
  explicit LinearOperator(const ArrayLike& matrix);

  /// As constructed.
  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept { return columns_; }
  DType dtype() const noexcept { return dtype_; }
  bool symmetric() const noexcept { return !adjoint_; }

  /// A v.
  Array operator()(const Array& v) const;
  /// A^T u.
  Array adjoint(const Array& u) const;
  /// The matrix, by one product for each column.
  Array matrix() const;

 private:
  std::int64_t rows_, columns_;
  DType dtype_;
  core::MatVec product_;
  core::MatVec adjoint_;  ///< empty: symmetric
};

/// A^T A, whose eigenvalues are the squares of the singular values of A.
LinearOperator gram(const LinearOperator& a);
/// D A D for the diagonal matrix D with the elements of d [n]; symmetric if A is.
LinearOperator scaled(const LinearOperator& a, const ArrayLike& d);
/// A + shift I, for a square A.
LinearOperator shifted(const LinearOperator& a, double shift);

namespace detail {
/// ValueError, naming `op`, unless `a` is symmetric and not empty.
void expect_symmetric(std::string_view op, const LinearOperator& a);
}  // namespace detail

}  // namespace newtape::inspect
