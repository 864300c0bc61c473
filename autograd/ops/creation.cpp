// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/creation.hpp>

#include <newtape/autograd/located.hpp>
#include <newtape/core/array/integers.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

namespace {
/// f(0), ..., f(n - 1).
template <class F>
Tensor numbers(const char* op, std::int64_t n, DType dtype, const F& f) {
  if (n < 0) raise<ValueError>(std::string(op) + ": n must not be negative", "at least 0", std::to_string(n));
  Array y = Array::empty({n}, f64);
  double* p = y.data<double>();
  for (std::int64_t i = 0; i < n; ++i) {
    p[i] = f(i);
    if (is_integer(dtype)) detail::checked_i64(op, p[i]);
  }
  return core::cast(std::move(y), dtype);
}
/// Number i of n from start to stop: exact at both ends, and symmetric.
double between(double start, double stop, std::int64_t i, std::int64_t n) {
  if (n == 1) return start;
  const auto steps = static_cast<double>(n - 1);
  const double step = std::isfinite(stop - start) ? (stop - start) / steps : stop / steps - start / steps;
  return i < n / 2 ? start + static_cast<double>(i) * step : stop - static_cast<double>(n - 1 - i) * step;
}
}  // namespace

Tensor detail::arange_of(double start, double stop, double step, DType dtype) {
  const double count = std::ceil((stop - start) / step);
  if (step == 0 || !std::isfinite(count) || count > 0x1p62) {
    raise<ValueError>("arange: the number of steps must be finite", "a nonzero step and finite bounds",
                      std::to_string(start) + " to " + std::to_string(stop) + " by " + std::to_string(step));
  }
  return core::arange(count > 0 ? static_cast<std::int64_t>(count) : 0, dtype, start, step);
}

Tensor detail::arange_of_integers(std::int64_t start, std::int64_t stop, std::int64_t step, DType dtype) {
  const bool ascends = step > 0;
  if (dtype != i64 || step == 0 || start == stop || ascends != (start < stop)) {
    return arange_of(static_cast<double>(start), static_cast<double>(stop), static_cast<double>(step), dtype);
  }
  // Differences of i64 fit into 64 bits without a sign.
  const auto distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  const std::uint64_t length = ascends ? distance(start, stop) : distance(stop, start);
  const std::uint64_t stride = ascends ? static_cast<std::uint64_t>(step) : distance(step, 0);
  const std::uint64_t count = (length - 1) / stride + 1;
  Array y = Array::empty({count >> 63 != 0 ? INT64_MAX : static_cast<std::int64_t>(count)}, i64);
  auto* p = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < y.size(); ++i) p[i] = wrapping_add(start, wrapping_mul(i, step));
  return y;
}

Tensor linspace(double start, double stop, std::int64_t n, DType dtype, SourceLocation location) {
  const ErrorSite here(location);
  return numbers("linspace", n, dtype, [=](std::int64_t i) { return between(start, stop, i, n); });
}

Tensor logspace(double start, double stop, std::int64_t n, double base, DType dtype, SourceLocation location) {
  const ErrorSite here(location);
  return numbers("logspace", n, dtype, [=](std::int64_t i) { return std::pow(base, between(start, stop, i, n)); });
}

Tensor full_like(const Tensor& x, double value, SourceLocation location) {
  const ErrorSite here(location);
  return core::full(x.shape(), value, x.dtype(), "full_like");
}

void detail::raise_ragged(std::size_t expected, std::size_t got) {
  raise<ShapeError>("tensor: all rows must have the same length", std::to_string(expected) + " numbers",
                    std::to_string(got));
}

Tensor tensor(const std::vector<bool>& values) {
  Array y = Array::empty({static_cast<std::int64_t>(values.size())}, boolean);
  std::copy(values.begin(), values.end(), y.data<bool>());
  return y;
}

Tensor detail::uniform_of(const Shape& shape, DType dtype) { return random::uniform(shape, 0, 1, dtype); }
Tensor detail::normal_of(const Shape& shape, DType dtype) { return random::normal(shape, 0, 1, dtype); }
Tensor rand_like(const Tensor& x) { return rand(x.shape(), x.dtype()); }
Tensor randn_like(const Tensor& x) { return randn(x.shape(), x.dtype()); }
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, SourceLocation location) {
  const ErrorSite here(location);
  return random::integers(shape, low, high);
}
Tensor randint(std::int64_t high, const Shape& shape, SourceLocation location) {
  const ErrorSite here(location);
  return random::integers(shape, 0, high);
}
Tensor randperm(std::int64_t n, SourceLocation location) {
  const ErrorSite here(location);
  return random::permutation(n);
}

}  // namespace newtape
