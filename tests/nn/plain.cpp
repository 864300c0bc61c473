// SPDX-License-Identifier: BSD-3-Clause
#include "plain.hpp"

#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <stdexcept>

namespace newtape::nn::table::plain {

namespace {
Tensors results(const Matrix& values, const Shape& shape) {
  Array out = Array::empty(shape, f64);
  std::copy(values.data.begin(), values.data.end(), out.data<double>());
  return {out};
}
}  // namespace

Matrix matrix(const Array& x) {
  const Array dense = core::contiguous(x);
  const auto columns = x.shape().empty() ? 1 : x.shape().back();
  Matrix m{dense.size() / columns, columns};
  std::copy_n(dense.data<double>(), dense.size(), m.data.begin());
  return m;
}

Matrix at(const StateDict& state, const std::string& name) {
  for (const auto& [key, value] : state) {
    if (key == name) return matrix(value);
  }
  throw std::logic_error("the state has no " + name);
}

Matrix linear(const Matrix& x, const Matrix& w, const Matrix& b) {
  Matrix y{x.rows, w.rows};
  for (std::int64_t i = 0; i < y.rows; ++i) {
    for (std::int64_t j = 0; j < y.columns; ++j) {
      y(i, j) = b(0, j);
      for (std::int64_t k = 0; k < x.columns; ++k) y(i, j) += x(i, k) * w(j, k);
    }
  }
  return y;
}
Matrix linear(const Matrix& x, const StateDict& state, const std::string& name) {
  return linear(x, at(state, name + ".weight"), at(state, name + ".bias"));
}

Matrix map(Matrix x, double (*f)(double)) {
  std::transform(x.data.begin(), x.data.end(), x.data.begin(), f);
  return x;
}

Plain rows_of(std::function<Matrix(const Matrix& x, const StateDict& state)> f) {
  return [f = std::move(f)](const Tensors& xs, const StateDict& state) {
    const Matrix y = f(matrix(xs[0].value()), state);
    Shape shape = xs[0].shape();
    shape[shape.size() - 1] = y.columns;
    return results(y, shape);
  };
}

Plain add_positions(std::size_t batch, std::function<double(std::int64_t, std::int64_t, const StateDict&)> value) {
  return [batch, value = std::move(value)](const Tensors& xs, const StateDict& state) {
    const auto& shape = xs[0].shape();
    Matrix y = matrix(xs[0].value());
    for (std::int64_t row = 0; row < y.rows; ++row) {
      const auto t = batch == 0 ? row % shape[1] : row / shape[1];
      for (std::int64_t i = 0; i < y.columns; ++i) y(row, i) += value(t, i, state);
    }
    return results(y, shape);
  };
}

}  // namespace newtape::nn::table::plain
