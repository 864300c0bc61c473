// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::core {

ScaledNorm scaled_norm(const Array& x) {
  // Squares of f32 in f64 neither overflow nor underflow.
  const double squares = sum_squares(x);
  constexpr double least = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  if (x.dtype() == f32 || (squares > least && std::isfinite(squares))) return {std::sqrt(squares), 1};
  const double largest = norm_inf(x);
  if (!(largest > 0) || !std::isfinite(largest)) return {std::sqrt(squares), 1};
  // Both powers are normal numbers.
  const int exponent = std::clamp(std::ilogb(largest), -1000, 1000);
  return {std::sqrt(sum_squares(x * std::ldexp(1.0, -exponent))), std::ldexp(1.0, exponent)};
}

double ratio(const ScaledNorm& a, const ScaledNorm& b) { return a.norm / b.norm * (a.unit / b.unit); }

}  // namespace newtape::core
