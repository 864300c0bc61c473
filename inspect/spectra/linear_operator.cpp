// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/linear_operator.hpp>

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <string>

namespace newtape::inspect {

namespace {

std::string matrix_shape(std::int64_t rows, std::int64_t columns) { return to_string(Shape{rows, columns}); }

Array matrix_times(const Array& matrix, const Array& v) {
  return core::squeeze(core::matmul(matrix, core::unsqueeze(v, 1)), 1);
}

bool equals_transpose(const Array& a) {
  if (a.shape()[0] != a.shape()[1]) return false;
  return core::all(core::equal(a, core::transpose(a, 0, 1))).item<bool>();
}

void expect_vector(const char* what, const Array& v, std::int64_t n, DType dtype) {
  if (v.defined() && v.shape() == Shape{n} && v.dtype() == dtype) return;
  const std::string expected = std::string(name(dtype)) + " " + to_string(Shape{n});
  const std::string got = v.defined() ? describe(v) : "an undefined array";
  const std::string message = std::string("LinearOperator: ") + what;
  if (v.defined() && v.shape() == Shape{n}) raise<DTypeError>(message, expected, got);
  raise<ShapeError>(message, expected, got);
}

Array checked_product(const core::MatVec& f, const Array& v, std::int64_t from, std::int64_t to, DType dtype) {
  if (!f) newtape::detail::undefined_array();  // moved from
  expect_vector("the vector must fit the matrix", v, from, dtype);
  Array y = f(v);
  expect_vector("the product must be a vector of the matrix's rows", y, to, dtype);
  // A sum of squares may overflow where no element does.
  if (!std::isfinite(core::dot(y, y)) && !core::all_finite(y)) {
    raise<NumericalError>("LinearOperator: a product has non-finite elements", "finite numbers", "NaN or infinity");
  }
  return y;
}

void check_operator(std::int64_t rows, std::int64_t columns, DType dtype, bool defined) {
  if (rows < 0 || columns < 0) {
    raise<ValueError>("LinearOperator: sizes must not be negative", "0 or more", matrix_shape(rows, columns));
  }
  if (!is_floating(dtype)) {
    raise<DTypeError>("LinearOperator: the elements must be floats", "f32 or f64", std::string(name(dtype)));
  }
  if (!defined) raise<ValueError>("LinearOperator: the products must be given", "functions", "an empty function");
}

}  // namespace

LinearOperator::LinearOperator(std::int64_t n, DType dtype, core::MatVec product)
    : rows_(n), columns_(n), dtype_(dtype), product_(std::move(product)) {
  check_operator(n, n, dtype, static_cast<bool>(product_));
}

LinearOperator::LinearOperator(std::int64_t rows, std::int64_t columns, DType dtype, core::MatVec product,
                               core::MatVec adjoint)
    : rows_(rows), columns_(columns), dtype_(dtype), product_(std::move(product)), adjoint_(std::move(adjoint)) {
  check_operator(rows, columns, dtype, product_ && adjoint_);
}

LinearOperator::LinearOperator(const ArrayLike& matrix) : rows_(0), columns_(0), dtype_(matrix.dtype()) {
  if (matrix.ndim() != 2) {
    raise<ShapeError>("LinearOperator: the matrix must have two axes", "[rows, columns]", to_string(matrix.shape()));
  }
  expect_floating("LinearOperator", matrix);
  rows_ = matrix.shape()[0];
  columns_ = matrix.shape()[1];
  product_ = [a = Array(matrix)](const Array& v) { return matrix_times(a, v); };
  if (equals_transpose(matrix)) return;
  adjoint_ = [t = core::transpose(matrix, 0, 1)](const Array& u) { return matrix_times(t, u); };
}

Array LinearOperator::operator()(const Array& v) const { return checked_product(product_, v, columns_, rows_, dtype_); }

Array LinearOperator::adjoint(const Array& u) const {
  return symmetric() ? (*this)(u) : checked_product(adjoint_, u, rows_, columns_, dtype_);
}

Array LinearOperator::matrix() const {
  Array a = Array::empty({rows_, columns_}, dtype_);
  for (std::int64_t j = 0; j < columns_; ++j) {
    Array unit = core::zeros({columns_}, dtype_);
    Array one = core::slice(unit, 0, j, j + 1);
    core::assign(one, core::ones({1}, dtype_));
    Array column = core::slice(a, 1, j, j + 1);
    core::assign(column, core::unsqueeze((*this)(unit), 1));
  }
  return a;
}

LinearOperator gram(const LinearOperator& a) {
  return {a.columns(), a.dtype(), [a](const Array& v) { return a.adjoint(a(v)); }};
}

LinearOperator scaled(const LinearOperator& a, const ArrayLike& d) {
  if (a.rows() != a.columns() || d.shape() != Shape{a.rows()} || d.dtype() != a.dtype()) {
    raise<ShapeError>("scaled: the matrix must be square, and the diagonal fit it",
                      std::string(name(a.dtype())) + " " + to_string(Shape{a.columns()}), describe(d));
  }
  core::MatVec product = [a, diagonal = Array(d)](const Array& v) { return diagonal * a(diagonal * v); };
  if (a.symmetric()) return {a.rows(), a.dtype(), std::move(product)};
  return {a.rows(), a.columns(), a.dtype(), std::move(product),
          [a, diagonal = Array(d)](const Array& u) { return diagonal * a.adjoint(diagonal * u); }};
}

LinearOperator shifted(const LinearOperator& a, double shift) {
  if (a.rows() != a.columns()) {
    raise<ShapeError>("shifted: the matrix must be square", "[n, n]", matrix_shape(a.rows(), a.columns()));
  }
  core::MatVec product = [a, shift](const Array& v) { return core::axpy(shift, v, a(v)); };
  if (a.symmetric()) return {a.rows(), a.dtype(), std::move(product)};
  return {a.rows(), a.columns(), a.dtype(), std::move(product),
          [a, shift](const Array& u) { return core::axpy(shift, u, a.adjoint(u)); }};
}

void detail::expect_symmetric(std::string_view op, const LinearOperator& a) {
  if (!a.symmetric()) {
    raise<ValueError>(std::string(op) + ": the matrix must be symmetric", "a symmetric operator, or gram(a)",
                      "a general operator " + matrix_shape(a.rows(), a.columns()));
  }
  if (a.rows() == 0) raise<ValueError>(std::string(op) + ": the matrix must not be empty", "[n, n]", "[0, 0]");
}

}  // namespace newtape::inspect
