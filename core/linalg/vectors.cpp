// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/vectors.hpp>

#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::core {

namespace {

template <class T>
double dot_of(const T* a, const T* b, std::int64_t n) {
  constexpr std::int64_t lanes = 16;  // independent accumulators, vectorized by the compiler
  double sums[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (std::int64_t k = 0; k < lanes; ++k) sums[k] += static_cast<double>(a[i + k]) * static_cast<double>(b[i + k]);
  }
  for (; i < n; ++i) sums[i % lanes] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  double total = 0;
  for (const double s : sums) total += s;
  return total;
}

}  // namespace

double dot(const Array& a, const Array& b) {
  if (a.shape() != b.shape()) {
    raise<ShapeError>("dot: the vectors must have the same shape", to_string(a.shape()), to_string(b.shape()));
  }
  if (a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    raise<DTypeError>("dot: the vectors must have the same floating dtype", "f32 or f64",
                      std::string(name(a.dtype())) + ", " + std::string(name(b.dtype())));
  }
  const Array x = contiguous(a);
  const Array y = contiguous(b);
  return x.dtype() == f32 ? dot_of(x.data<float>(), y.data<float>(), x.size())
                          : dot_of(x.data<double>(), y.data<double>(), x.size());
}

double norm2(const Array& a) {
  const double squares = dot(a, a);
  constexpr double least = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  return squares > least && std::isfinite(squares) ? std::sqrt(squares) : scaled_norm(a).value();
}

double norm_inf(const Array& a) { return a.size() == 0 ? 0 : max(abs(a)).item(); }

Array axpy(double alpha, const Array& x, Array y) {
  if (recorder() != nullptr)
    return record_call(
        "axpy", [=](const Array& a, const Array& b) { return axpy(alpha, a, b); }, x, y);
  if (!y.reusable()) y = copy(y);
  add_scaled(y, contiguous(x), alpha);
  return y;
}

}  // namespace newtape::core
