// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/reduce_detail.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::core {

namespace {

/// A new array with elements f(i).
template <class F>
Array fill(const Shape& shape, DType dtype, const F& f) {
  Array out = Array::empty(shape, dtype);
  const auto run = [&]<class T>() {
    T* to = out.data<T>();
    for (std::int64_t i = 0; i < out.size(); ++i) to[i] = static_cast<T>(f(static_cast<std::size_t>(i)));
  };
  dtype == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return out;
}

}  // namespace

Array var(const Array& x, const Axes& axes, double correction, bool keepdims) {
  expect_floating("var", x);
  const Dims over = axes.normalized("var", x.ndim());
  const auto n = static_cast<double>(reduced_count(x, over));
  const Shape shape = reduced_shape(x.shape(), over, keepdims);
  if (!(n - correction > 0) && element_count(shape) > 0) {
    raise<ValueError>("var: too few elements", "more elements than the correction",
                      std::to_string(reduced_count(x, over)) + " along the axes of " + to_string(x.shape()) +
                          ", correction " + std::to_string(correction));
  }
  if (element_count(shape) == 0) return Array::empty(shape, x.dtype());
  // The second term corrects for the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
  const Array deviations = sub(x, mean(x, over, true));
  const auto squares = wide_sum(deviations, over, true);
  const auto sums = wide_sum(deviations, over, false);
  return fill(shape, x.dtype(), [&](std::size_t i) {
    const double v = (squares[i] - sums[i] * sums[i] / n) / (n - correction);
    return v < 0 ? 0 : v;
  });
}

namespace {

/// Square root of the sum of squares; `safe` becomes false on possible overflow or underflow.
Array plain_norm(const Array& x, const Dims& axes, const Shape& shape, bool& safe) {
  const auto squares = wide_sum(x, axes, true);
  const double tiny = x.dtype() == f32 ? 1e-15 : 1e-145;
  const double huge = x.dtype() == f32 ? 1e18 : 1e153;
  return fill(shape, x.dtype(), [&](std::size_t i) {
    const double y = std::sqrt(squares[i]);
    safe = safe && y > tiny && y < huge;
    return y;
  });
}

}  // namespace

Array norm(const Array& x, double p, const Axes& axes, bool keepdims) {
  expect_floating("norm", x);
  const Dims over = axes.normalized("norm", x.ndim());
  const Shape shape = reduced_shape(x.shape(), over, keepdims);
  if (reduced_count(x, over) == 0 && element_count(shape) > 0) {
    return full(shape, p > 0 ? 0 : std::numeric_limits<double>::infinity(), x.dtype());
  }
  if (p == 2) {
    bool safe = true;
    Array y = plain_norm(x, over, shape, safe);
    if (safe) return y;
  }
  // Scaled by the largest (for p < 0 the smallest) magnitude, so that powers neither overflow nor all underflow.
  const Array sizes = abs(x);
  const Array scale = p > 0 ? max(sizes, over, true) : min(sizes, over, true);
  const Array scalable = logical_and(isfinite(scale), greater(scale, full({}, 0, x.dtype())));
  const Array ratios = div(sizes, where(scalable, scale, full({}, 1, x.dtype())));
  bool safe = true;
  const Shape& kept = scale.shape();
  const Array sum_root = p == 2 ? plain_norm(ratios, over, kept, safe)
                                : pow(sum(pow(ratios, full({}, p, x.dtype())), over, true), full({}, 1 / p, x.dtype()));
  return reshape(where(scalable, mul(scale, sum_root), scale), shape);
}

}  // namespace newtape::core
