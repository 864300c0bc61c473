// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/distributions/location_scale.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>

namespace newtape::distributions {

namespace {

using std::numbers::pi;

/// x / 2 + sum_j I_j(k) / I_0(k) sin(j x) / j, which is pi times the integral of the density from 0 to x. The ratios of
/// Bessel functions come from their recurrence, backwards from where they are below rounding (as I_j / I_0 is about
/// exp(-j^2 / 2 k)), together with the sum in Horner's form.
Tensor integral_by_fourier(const Tensor& x, const Tensor& k) {
  const double largest = k.size() == 0 ? 0 : max(k).item();
  const auto terms = static_cast<std::int64_t>(20 + 9 * std::sqrt(largest));
  Tensor ratio = zeros_like(k);
  Tensor rest = zeros_like(x);
  for (auto j = static_cast<double>(terms); j >= 1; --j) {
    ratio = 1.0 / (2 * j / k + ratio);
    rest = ratio * (sin(j * x) / j + rest);
  }
  return 0.5 * x + rest;
}

/// The integral of the density from 0 to x for large k: with u = 2 sqrt(k) sin(x / 2) it is that of exp(-u^2 / 2) /
/// sqrt(1 - u^2 / 4 k), whose root is expanded. Below 1e-18 are the terms left out, for k > 500.
Tensor integral_by_normal(const Tensor& x, const Tensor& k) {
  constexpr int terms = 13;
  const Tensor u = 2.0 * sqrt(k) * sin(0.5 * x);
  const Tensor density = exp(-0.5 * square(u));
  Tensor moment = std::sqrt(pi / 2) * erf(u * std::numbers::sqrt2 / 2.0);  // of u^(2 m) exp(-u^2 / 2), from 0
  Tensor power = u * density;
  Tensor sum = moment;
  Tensor coefficient = ones_like(k);
  for (int m = 1; m < terms; ++m) {
    moment = (2.0 * m - 1.0) * moment - power;
    power = power * square(u);
    coefficient = coefficient * ((2.0 * m - 1.0) / (2.0 * m)) / (4.0 * k);
    sum = sum + coefficient * moment;
  }
  return sum / (2 * pi * sqrt(k) * i0e(k));
}

/// The integral of the density from 0 to x, for any x: it grows by 1 with each turn.
Tensor integral(const Tensor& x, const Tensor& k) {
  constexpr double large = 500;
  const Tensor turns = round(x.detach() / (2 * pi));
  const Tensor rest = x - 2 * pi * turns;
  const Tensor is_large = k > large;
  const Tensor moderate = integral_by_fourier(rest, where(is_large, 1.0, k)) / pi;
  const Tensor concentrated = integral_by_normal(rest, where(is_large, k, 2 * large));
  return turns + where(is_large, concentrated, moderate);
}

}  // namespace

Tensor VonMises::cdf_at(const Tensor& x) const {
  const Tensor inside = (x >= -pi) & (x < pi);
  const Tensor at = where(inside, x, 0.0);
  const Tensor below = integral(at - loc_, concentration_) - integral(-pi - loc_, concentration_);
  return where(inside, below, (x >= pi).to(x.dtype()));
}

/// By Newton steps, halving the interval where they leave it. Two more are recorded: derivatives are right to the third
/// order, as each doubles the number of terms that a Taylor series in the parameters has right.
Tensor VonMises::icdf_at(const Tensor& p) const {
  constexpr int most = 100;
  // In a tail where the density is below rounding a step may lead anywhere; there the interval is halved.
  const auto newton = [&](const Tensor& x, const Tensor& to) { return x - (cdf_at(x) - to) / exp(log_prob_at(x)); };
  Tensor x, rest;
  {
    const NoGrad off;
    const Shape shape =
        broadcast_shapes("icdf", p.shape(), broadcast_shapes("icdf", loc_.shape(), concentration_.shape()));
    Tensor low = full(shape, -pi, p.dtype()), high = full(shape, pi, p.dtype());
    x = 0.5 * (low + high);
    for (int i = 0; i < most; ++i) {
      const Tensor is_left = cdf_at(x) < p;
      low = where(is_left, x, low);
      high = where(is_left, high, x);
      const Tensor step = newton(x, p);
      const Tensor next = where((step > low) & (step < high), step, 0.5 * (low + high));
      const bool done = all(abs(next - x) <= 4 * epsilon(p.dtype()) * (1.0 + abs(x))).item<bool>();
      x = next;
      if (done) break;
    }
    const Tensor last = newton(x, p);
    x = where((last >= low) & (last <= high), last, x);
    rest = cdf_at(x) - p;  // rounding: the steps below are for the derivatives, and leave x where it is
  }
  const Tensor inside = (p > 0.0) & (p < 1.0);
  x = where(inside, x, loc_);  // of the ends there are no derivatives
  const Tensor to = p + rest;
  const Tensor known = exp(log_prob_at(x)).detach() > 0;
  const Tensor y = where(known, newton(newton(x, to), to), x);
  return where(inside, y, where(p > 0.5, full({}, pi, p.dtype()), full({}, -pi, p.dtype())));
}

}  // namespace newtape::distributions
