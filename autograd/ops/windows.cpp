// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/windows.hpp>

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace newtape::fft {

namespace {

/// Weights lie between 0 and 1: as integers or booleans they would be cut to 0 and 1 without a word.
void expect_floating(const char* op, DType dtype) {
  if (!is_floating(dtype)) {
    raise<DTypeError>(std::string(op) + ": the dtype must hold fractions", "f32 or f64", std::string(name(dtype)));
  }
}

/// f(t) at t = i / n, or i / (n - 1), in [0, 1]. As f is symmetric, t > 1/2 is taken at 1 - t, which is exact.
template <class F>
Tensor window(const char* op, std::int64_t n, const WindowOptions& options, const F& f) {
  if (n < 1) raise<ValueError>(std::string(op) + ": n must be positive", "n >= 1", std::to_string(n));
  expect_floating(op, options.dtype);
  const std::int64_t period = options.periodic ? n : n - 1;
  Array w = Array::empty({n}, f64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto near = static_cast<double>(std::min(i, period - i));
    w.data<double>()[i] = n == 1 ? 1 : f(near / static_cast<double>(period));
  }
  return core::cast(w, options.dtype);
}

}  // namespace

Tensor hann_window(std::int64_t n, const WindowOptions& options, SourceLocation location) {
  const ErrorSite here(location);
  return window("hann_window", n, options, [](double t) {
    const double s = std::sin(std::numbers::pi * t);
    return s * s;
  });
}
Tensor hamming_window(std::int64_t n, const WindowOptions& options, SourceLocation location) {
  const ErrorSite here(location);
  return window("hamming_window", n, options, [](double t) {
    const double s = std::sin(std::numbers::pi * t);
    return 0.08 + 0.92 * s * s;
  });
}
Tensor blackman_window(std::int64_t n, const WindowOptions& options, SourceLocation location) {
  const ErrorSite here(location);
  return window("blackman_window", n, options, [](double t) {
    // By cos(4 pi t) = 2 cos(2 pi t)^2 - 1 and cos(2 pi t) = 1 - 2 s: without cancellation at the ends.
    const double s = std::pow(std::sin(std::numbers::pi * t), 2);
    return 0.36 * s + 0.64 * s * s;
  });
}
Tensor bartlett_window(std::int64_t n, const WindowOptions& options, SourceLocation location) {
  const ErrorSite here(location);
  return window("bartlett_window", n, options, [](double t) { return 2 * t; });
}
Tensor kaiser_window(std::int64_t n, double beta, const WindowOptions& options, SourceLocation location) {
  const ErrorSite here(location);
  if (!(beta >= 0) || !std::isfinite(beta)) {
    raise<ValueError>("kaiser_window: beta must be finite and not negative", "beta >= 0", std::to_string(beta));
  }
  expect_floating("kaiser_window", options.dtype);
  const Tensor root = window("kaiser_window", n, {.periodic = options.periodic, .dtype = f64}, [](double t) {
    return t == 0.5 ? 1 : 2 * std::sqrt(t * (1 - t));  // sqrt(1 - (2 t - 1)^2)
  });
  const Tensor scaled = i0e(beta * root) / i0e(full_like(root, beta)) * exp(beta * (root - 1.0));
  return scaled.to(options.dtype);
}

}  // namespace newtape::fft
