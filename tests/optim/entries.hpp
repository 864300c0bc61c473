// SPDX-License-Identifier: BSD-3-Clause
// Tensors and arrays of f64 from numbers, and their entries.
#pragma once

#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

inline newtape::Tensor doubles(std::initializer_list<double> values) { return newtape::tensor(values, newtape::f64); }
inline double entry(const newtape::Tensor& x, std::int64_t i) { return x[i].item(); }

/// In C order.
inline std::vector<double> entries(const newtape::Array& x) {
  const auto dense = newtape::core::contiguous(newtape::core::cast(x, newtape::f64));
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}
inline newtape::Array array_of(const newtape::Shape& shape, const std::vector<double>& values) {
  auto x = newtape::Array::empty(shape, newtape::f64);
  std::copy(values.begin(), values.end(), x.data<double>());
  return x;
}
