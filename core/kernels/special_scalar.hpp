// SPDX-License-Identifier: BSD-3-Clause
// What the sources of special functions share: constants, functions of one number, and loops over elements in double.
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

#include <limits>
#include <numbers>

namespace newtape::core::kernels::special {

inline constexpr double pi = std::numbers::pi;
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

double digamma_at(double x);
double polygamma_at(int n, double x);  ///< n-th derivative of digamma; n >= 0

template <class T, double (*f)(double)>
void map(const void* const* in, void* out, std::int64_t n, unsigned) {
  const auto* x = static_cast<const T*>(in[0]);
  auto* y = static_cast<T*>(out);
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(f(static_cast<double>(x[i])));
}
template <class T, double (*f)(double, double)>
void map(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* a = static_cast<const T*>(in[0]);
  const auto* b = static_cast<const T*>(in[1]);
  auto* y = static_cast<T*>(out);
  const std::int64_t step_a = (scalars & 1) != 0 ? 0 : 1;
  const std::int64_t step_b = (scalars & 2) != 0 ? 0 : 1;
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = static_cast<T>(f(static_cast<double>(a[i * step_a]), static_cast<double>(b[i * step_b])));
  }
}
template <class T, double (*f)(double, double, double)>
void map(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const T* x[3];
  std::int64_t step[3];
  for (unsigned k = 0; k < 3; ++k) {
    x[k] = static_cast<const T*>(in[k]);
    step[k] = (scalars >> k & 1) != 0 ? 0 : 1;
  }
  auto* y = static_cast<T*>(out);
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = static_cast<T>(f(static_cast<double>(x[0][i * step[0]]), static_cast<double>(x[1][i * step[1]]),
                            static_cast<double>(x[2][i * step[2]])));
  }
}
/// `in[1]` is a single element, the order for all of x.
template <class T, class F>
void map_with_order(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const F f(static_cast<int>(*static_cast<const T*>(in[1])));
  const auto* x = static_cast<const T*>(in[0]);
  auto* y = static_cast<T*>(out);
  const std::int64_t step = (scalars & 1) != 0 ? 0 : 1;
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(f(static_cast<double>(x[i * step])));
}

template <double (*f)(double)>
inline constexpr Kernels floats1{{map<float, f>, map<double, f>, nullptr, nullptr}};
template <double (*f)(double, double)>
inline constexpr Kernels floats2{{map<float, f>, map<double, f>, nullptr, nullptr}};
template <double (*f)(double, double, double)>
inline constexpr Kernels floats3{{map<float, f>, map<double, f>, nullptr, nullptr}};
template <class F>
inline constexpr Kernels floats1_of_order{{map_with_order<float, F>, map_with_order<double, F>, nullptr, nullptr}};

}  // namespace newtape::core::kernels::special
