// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/creation.hpp>

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
  for (std::int64_t i = 0; i < n; ++i) p[i] = f(i);
  return core::cast(std::move(y), dtype);
}
/// Number i of n from start to stop: exact at both ends, and symmetric.
double between(double start, double stop, std::int64_t i, std::int64_t n) {
  if (n == 1) return start;
  const double step = (stop - start) / static_cast<double>(n - 1);
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

Tensor linspace(double start, double stop, std::int64_t n, DType dtype) {
  return numbers("linspace", n, dtype, [=](std::int64_t i) { return between(start, stop, i, n); });
}

Tensor logspace(double start, double stop, std::int64_t n, double base, DType dtype) {
  return numbers("logspace", n, dtype, [=](std::int64_t i) { return std::pow(base, between(start, stop, i, n)); });
}

Tensor full_like(const Tensor& x, double value) { return core::full(x.shape(), value, x.dtype()); }

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
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape) { return random::integers(shape, low, high); }
Tensor randint(std::int64_t high, const Shape& shape) { return random::integers(shape, 0, high); }
Tensor randperm(std::int64_t n) { return random::permutation(n); }

}  // namespace newtape
