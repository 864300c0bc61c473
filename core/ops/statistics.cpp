// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/reduce_detail.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape::core {

namespace {

/// The smallest exponent of a scale: dividing by 2^-limit_exponent overflows no element below it.
template <class T>
constexpr int limit_exponent = std::numeric_limits<T>::max_exponent - 2;

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

Array binary_scale(const Array& x, const Axes& axes) {
  if (recorder() != nullptr)
    return record_call(
        "binary_scale", [=](const Array& a) { return binary_scale(a, axes); }, x);
  Array scale = copy(max(abs(x), axes, true));
  const auto run = [&]<class T>() {
    T* at = scale.data<T>();
    for (std::int64_t i = 0; i < scale.size(); ++i) {
      at[i] = std::isfinite(at[i]) && at[i] > 0 ? std::ldexp(T(1), std::max(std::ilogb(at[i]), -limit_exponent<T>)) : 1;
    }
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return scale;
}

namespace {

/// Whether squares of numbers of this size, and their sums, neither overflow nor lose digits to underflow.
bool squares_fit(double size, DType dtype) {
  return dtype == f32 ? size > 1e-15 && size < 1e18 : size > 1e-145 && size < 1e153;
}

/// Square root of the sum of squares; `safe` becomes false on possible overflow or underflow.
Array plain_norm(const Array& x, const Dims& axes, const Shape& shape, bool& safe) {
  const auto squares = wide_sum(x, axes, true);
  return fill(shape, x.dtype(), [&](std::size_t i) {
    const double y = std::sqrt(squares[i]);
    safe = safe && squares_fit(y, x.dtype());
    return y;
  });
}

std::vector<double> doubles(const Array& x) {
  const Array wide = contiguous(cast(x, f64));
  return {wide.data<double>(), wide.data<double>() + wide.size()};
}

/// Standard deviations along `axes`, computed in units of a power of two near the largest element of each row.
std::vector<double> scaled_deviations(const Array& x, const Dims& axes, double correction) {
  const auto n = static_cast<double>(reduced_count(x, axes));
  const Array unit = binary_scale(x, axes);
  const Array scaled = div(x, unit);
  const Array d = sub(scaled, mean(scaled, axes, true));
  auto y = doubles(norm(d, 2, axes, true));
  const auto sums = doubles(sum(d, axes, true));
  const auto units = doubles(unit);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double rest = y[i] > 0 ? sums[i] / y[i] : 0;
    y[i] *= std::sqrt(std::max(1 - rest * rest / n, 0.0) / (n - correction)) * units[i];
  }
  return y;
}

/// Variances, or standard deviations, along `axes`.
Array variance_or_std(const char* op, const Array& x, const Axes& axes, double correction, bool keepdims, bool root) {
  expect_floating(op, x);
  const Dims over = axes.normalized(op, x.ndim());
  const auto n = static_cast<double>(reduced_count(x, over));
  const Shape shape = reduced_shape(x.shape(), over, keepdims);
  if (!(n - correction > 0) && element_count(shape) > 0) {
    raise<ValueError>(std::string(op) + ": too few elements", "more elements than the correction",
                      std::to_string(reduced_count(x, over)) + " along the axes of " + to_string(x.shape()) +
                          ", correction " + std::to_string(correction));
  }
  if (element_count(shape) == 0) return Array::empty(shape, x.dtype());
  // The second term corrects for the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
  const Array deviations = sub(x, mean(x, over, true));
  auto found = wide_sum(deviations, over, true);
  const auto sums = wide_sum(deviations, over, false);
  std::vector<bool> fits(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double v = (found[i] - sums[i] * sums[i] / n) / (n - correction);
    fits[i] = squares_fit(std::sqrt(found[i]), x.dtype());
    found[i] = root ? std::sqrt(v < 0 ? 0 : v) : v < 0 ? 0 : v;
  }
  if (std::find(fits.begin(), fits.end(), false) == fits.end()) {
    return fill(shape, x.dtype(), [&](std::size_t i) { return found[i]; });
  }
  const auto careful = scaled_deviations(x, over, correction);
  return fill(shape, x.dtype(), [&](std::size_t i) {
    return fits[i] ? found[i] : root ? careful[i] : careful[i] * careful[i];
  });
}

}  // namespace

Array var(const Array& x, const Axes& axes, double correction, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "var", [=](const Array& a) { return var(a, axes, correction, keepdims); }, x);
  return variance_or_std("var", x, axes, correction, keepdims, false);
}
Array stddev(const Array& x, const Axes& axes, double correction, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "stddev", [=](const Array& a) { return stddev(a, axes, correction, keepdims); }, x);
  return variance_or_std("std", x, axes, correction, keepdims, true);
}

Array norm(const Array& x, double p, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "norm", [=](const Array& a) { return norm(a, p, axes, keepdims); }, x);
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
