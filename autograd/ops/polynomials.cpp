// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/polynomials.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/logic.hpp>

#include <string>
#include <utility>

namespace newtape {

namespace {

/// p_(k+1) = (slope x + shift) p_k - back p_(k-1).
struct Recurrence {
  double slope, shift, back;
};

/// p_n, from p_0 = 1 and p_1 = first.slope x + first.shift.
template <class Coefficients>
Tensor polynomial(const char* op, const In& given, std::int64_t n, const Coefficients& of) {
  const CallSite here(given.location());
  if (n < 0) raise<ValueError>(std::string(op) + ": the degree must not be negative", "n >= 0", std::to_string(n));
  const Tensor x = is_floating(given.dtype()) ? given.tensor() : given.tensor().to(f32);
  expect_floating(op, x.value());
  if (n == 0) return where(x == x, 1.0, x);  // recorded, with derivative 0
  Tensor before = full_like(x, 1), p;
  for (std::int64_t k = 0; k < n; ++k) {
    const Recurrence r = of(k);
    Tensor factor = r.slope * x;
    if (r.shift != 0) factor = std::move(factor) + r.shift;
    if (k == 0) {
      p = std::move(factor);
      continue;
    }
    Tensor next = std::move(factor) * p - (r.back == 1 ? before : r.back * before);
    before = std::exchange(p, std::move(next));
  }
  return p;
}

/// Chebyshev's: 2 x p_k - p_(k-1) but for p_1.
Tensor chebyshev(const char* op, const In& x, std::int64_t n, double slope, double shift) {
  return polynomial(op, x, n, [=](std::int64_t k) {
    return k == 0 ? Recurrence{slope, shift, 0} : Recurrence{2, 0, 1};
  });
}

}  // namespace

Tensor chebyshev_polynomial_t(In x, std::int64_t n) { return chebyshev("chebyshev_polynomial_t", x, n, 1, 0); }
Tensor chebyshev_polynomial_u(In x, std::int64_t n) { return chebyshev("chebyshev_polynomial_u", x, n, 2, 0); }
Tensor chebyshev_polynomial_v(In x, std::int64_t n) { return chebyshev("chebyshev_polynomial_v", x, n, 2, -1); }
Tensor chebyshev_polynomial_w(In x, std::int64_t n) { return chebyshev("chebyshev_polynomial_w", x, n, 2, 1); }

Tensor hermite_polynomial_h(In x, std::int64_t n) {
  return polynomial("hermite_polynomial_h", x, n, [](std::int64_t k) {
    return Recurrence{2, 0, 2 * static_cast<double>(k)};
  });
}
Tensor hermite_polynomial_he(In x, std::int64_t n) {
  return polynomial("hermite_polynomial_he", x, n, [](std::int64_t k) {
    return Recurrence{1, 0, static_cast<double>(k)};
  });
}
Tensor laguerre_polynomial_l(In x, std::int64_t n) {
  return polynomial("laguerre_polynomial_l", x, n, [](std::int64_t k) {
    const auto d = static_cast<double>(k);
    return Recurrence{-1 / (d + 1), (2 * d + 1) / (d + 1), d / (d + 1)};
  });
}
Tensor legendre_polynomial_p(In x, std::int64_t n) {
  return polynomial("legendre_polynomial_p", x, n, [](std::int64_t k) {
    const auto d = static_cast<double>(k);
    return Recurrence{(2 * d + 1) / (d + 1), 0, d / (d + 1)};
  });
}

}  // namespace newtape
