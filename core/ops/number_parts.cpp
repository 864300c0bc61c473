// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/number_parts.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

namespace newtape::core {

namespace {

template <class R, class T, class F>
Array map(const Array& x, const F& f) {
  const Array in = contiguous(x);
  Array out = Array::empty(x.shape(), element_dtype<R>);
  const T* from = in.data<T>();
  R* to = out.data<R>();
  newtape::detail::parallel_for(in.size(), 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) to[i] = f(from[i]);
  });
  return out;
}

template <class R, class A, class B, class F>
Array map(const char* op, const Array& a, const Array& b, const F& f) {
  const Shape shape = broadcast_shapes(op, a.shape(), b.shape());
  const Array x = contiguous(expand(a, shape)), y = contiguous(expand(b, shape));
  Array out = Array::empty(shape, element_dtype<R>);
  const A* p = x.data<A>();
  const B* q = y.data<B>();
  R* to = out.data<R>();
  newtape::detail::parallel_for(x.size(), 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) to[i] = f(p[i], q[i]);
  });
  return out;
}

void expect_i64(const char* op, const Array& x) {
  if (x.dtype() != i64) raise<DTypeError>(std::string(op) + ": integers are required", "i64", describe(x));
}

/// Without overflow at the smallest number.
std::uint64_t magnitude(std::int64_t x) {
  return x < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
}

}  // namespace

Array signbit(const Array& x) {
  if (recorder() != nullptr)
    return record_call(
        "signbit", [](const Array& a) { return signbit(a); }, x);
  expect_computed("signbit", x);
  if (x.dtype() == f32) return map<bool, float>(x, [](float v) { return std::signbit(v); });
  if (x.dtype() == f64) return map<bool, double>(x, [](double v) { return std::signbit(v); });
  if (x.dtype() == i64) return map<bool, std::int64_t>(x, [](std::int64_t v) { return v < 0; });
  return cast(zeros(x.shape(), i64), boolean);
}

Array exponent(const Array& x) {
  if (recorder() != nullptr)
    return record_call(
        "exponent", [](const Array& a) { return exponent(a); }, x);
  expect_floating("frexp", x);
  const auto of = [](auto v) {
    int e = 0;
    if (std::isfinite(v)) static_cast<void>(std::frexp(v, &e));
    return std::int64_t{e};
  };
  return x.dtype() == f32 ? map<std::int64_t, float>(x, of) : map<std::int64_t, double>(x, of);
}

Array ldexp(const Array& x, const Array& e) {
  if (recorder() != nullptr)
    return record_call(
        "ldexp", [](const Array& p, const Array& q) { return ldexp(p, q); }, x, e);
  expect_floating("ldexp", x);
  expect_i64("ldexp", e);
  const auto scaled = [](auto v, std::int64_t by) {
    return std::ldexp(v, static_cast<int>(std::clamp<std::int64_t>(by, -10'000, 10'000)));
  };
  return x.dtype() == f32 ? map<float, float, std::int64_t>("ldexp", x, e, scaled)
                          : map<double, double, std::int64_t>("ldexp", x, e, scaled);
}

Array nextafter(const Array& a, const Array& b) {
  if (recorder() != nullptr)
    return record_call(
        "nextafter", [](const Array& p, const Array& q) { return nextafter(p, q); }, a, b);
  expect_floating("nextafter", a);
  if (a.dtype() != b.dtype()) {
    raise<DTypeError>("nextafter: the operands must have the same dtype", std::string(name(a.dtype())),
                      std::string(name(b.dtype())));
  }
  const auto next = [](auto x, auto y) { return std::nextafter(x, y); };
  return a.dtype() == f32 ? map<float, float, float>("nextafter", a, b, next)
                          : map<double, double, double>("nextafter", a, b, next);
}

Array gcd(const Array& a, const Array& b) {
  if (recorder() != nullptr)
    return record_call(
        "gcd", [](const Array& p, const Array& q) { return gcd(p, q); }, a, b);
  expect_i64("gcd", a);
  expect_i64("gcd", b);
  return map<std::int64_t, std::int64_t, std::int64_t>("gcd", a, b, [](std::int64_t x, std::int64_t y) {
    return static_cast<std::int64_t>(std::gcd(magnitude(x), magnitude(y)));
  });
}

Array lcm(const Array& a, const Array& b) {
  if (recorder() != nullptr)
    return record_call(
        "lcm", [](const Array& p, const Array& q) { return lcm(p, q); }, a, b);
  expect_i64("lcm", a);
  expect_i64("lcm", b);
  return map<std::int64_t, std::int64_t, std::int64_t>("lcm", a, b, [](std::int64_t x, std::int64_t y) {
    if (x == 0 || y == 0) return std::int64_t{0};
    const std::uint64_t p = magnitude(x), q = magnitude(y);
    return static_cast<std::int64_t>(p / std::gcd(p, q) * q);
  });
}

}  // namespace newtape::core
