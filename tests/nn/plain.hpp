// SPDX-License-Identifier: BSD-3-Clause
// Plain loops for the references of layers without a case in PyTorch.
#pragma once

#include "table.hpp"

#include <newtape/core/array/array.hpp>

#include <functional>
#include <string>
#include <vector>

namespace newtape::nn::table::plain {

struct Matrix {
  std::int64_t rows, columns;
  std::vector<double> data = std::vector<double>(static_cast<std::size_t>(rows * columns));

  double& operator()(std::int64_t i, std::int64_t j) { return data[static_cast<std::size_t>(i * columns + j)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return data[static_cast<std::size_t>(i * columns + j)]; }
};

/// The rows of an f64 array: its vectors along the last axis.
Matrix matrix(const Array& x);
/// The state's array of this name.
Matrix at(const StateDict& state, const std::string& name);

/// x w^T + b.
Matrix linear(const Matrix& x, const Matrix& w, const Matrix& b);
/// The linear layer of this name in the state.
Matrix linear(const Matrix& x, const StateDict& state, const std::string& name);
Matrix map(Matrix x, double (*f)(double));

/// The reference of a layer that maps each row of its argument.
Plain rows_of(std::function<Matrix(const Matrix& x, const StateDict& state)> f);
/// x [.., .., features] + value(t, feature, state), where t counts along axis 1 - batch.
Plain add_positions(std::size_t batch, std::function<double(std::int64_t, std::int64_t, const StateDict&)> value);

}  // namespace newtape::nn::table::plain
