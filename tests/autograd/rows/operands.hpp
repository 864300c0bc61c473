// SPDX-License-Identifier: BSD-3-Clause
// Rejections, operands and small references that rows of several families share.
#pragma once

#include "autograd/table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace newtape::table {

using Numbers = const long double*;

/// Zeros.
inline Tensor of(const Shape& shape, DType dtype = f32) { return zeros(shape, dtype); }
inline Tensor matrix() { return tensor({{1.0, 2, 3}, {4, 5, 6}}); }
inline Tensor nothing() { return zeros({2, 0}); }
inline Tensor one_two() { return tensor({1.0, 2}); }
inline Tensor three() { return tensor({1.0, 2, 3}); }
inline Tensor three_doubles() { return tensor({1, 2, 3}, f64); }
inline Tensor three_flags() { return tensor({1, 0, 1}, boolean); }
inline Tensor three_ints() { return tensor({1, 2, 3}, i64); }

/// Rejections of every operation of two tensors.
inline std::vector<Rejection> two_refuse(const std::string& name, Tensor (*f)(In, In)) {
  return {{Error::shape, name, [f] { f(one_two(), three()); }},
          {Error::shape, "[2] and [3]", [f] { f(one_two(), three()); }},
          {Error::dtype, name, [f] { f(three(), three_doubles()); }},
          {Error::dtype, "f32 [3] and f64 [3]", [f] { f(three(), three_doubles()); }},
          {Error::value, name, [f] { f(1.0, 2.0); }}};
}

/// A function of one float.
inline Row function(const std::string& name, Tensor (*f)(In), long double (*reference)(long double), Domain domain = {},
                    double tolerance_scale = 1) {
  return {.name = name,
          .call = [f](Args& x) { return f(x[0]); },
          .scalar = [reference](Numbers x) { return reference(x[0]); },
          .domains = {domain},
          .tolerance_scale = tolerance_scale};
}
/// A further row for another part of the domain of an operation that has a row of its name.
inline Row part(Row row, const std::string& name) {
  row.covers = {row.name};
  row.name = name;
  row.rejects = {};
  return row;
}

/// The operands' lines along an axis, as the function of `along` gets them.
using Lines = std::vector<Elements>;

inline long double sigmoid_of(long double x) { return 1 / (1 + std::exp(-x)); }
inline long double log_sum_exp(const Elements& e) {
  const long double top = *std::max_element(e.begin(), e.end());
  long double total = 0;
  for (const auto x : e) total += std::exp(x - top);
  return top + std::log(total);
}

inline const Domain numbers{};
inline const Domain small_whole{.low = -1, .high = 1, .whole = true};
inline const Domain flags{.low = 0, .high = 1, .dtype = boolean};
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline const std::string step = "its value is constant wherever it has a derivative";
inline const std::string index_step = "an index is constant wherever it has a derivative";

}  // namespace newtape::table
