// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/number_parts.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/number_parts.hpp>
#include <newtape/core/ops/piecewise.hpp>

namespace newtape {

static const Op signbit_op{"signbit"};
static const Op copysign_op{"copysign"};
static const Op heaviside_op{"heaviside"};
static const Op ldexp_op{"ldexp"};
static const Op nextafter_op{"nextafter"};
static const Op gcd_op{"gcd"};
static const Op lcm_op{"lcm"};

Tensor signbit(In x) { return signbit_op(core::signbit(x.value())); }

Tensor isposinf(In x) {
  const CallSite here(x.location());
  const Tensor& value = x.tensor();  // a number, too
  return isinf(value) & (value > 0.0);
}
Tensor isneginf(In x) {
  const CallSite here(x.location());
  const Tensor& value = x.tensor();
  return isinf(value) & (value < 0.0);
}

namespace {
/// Floats, of integers f32.
void make_floats(const Op& op, In& a, In& b) {
  match(op, a, b);
  if (is_floating(a.dtype())) return;
  a.promote(f32);
  b.promote(f32);
}
}  // namespace

Tensor copysign(In a, In b) {
  make_floats(copysign_op, a, b);
  static_cast<void>(broadcast_shapes("copysign", a.shape(), b.shape()));
  const Array negative = core::signbit(b.value());
  const Array magnitude = core::abs(a.value());
  return copysign_op(core::where(negative, core::neg(magnitude), magnitude),
                     wrt(a,
                         [a, negative](Cotangent g) {
                           const Tensor direction = sign(a);
                           return std::move(g) * where(negative, -direction, direction);
                         }),
                     wrt(b, [](const Tensor& g) { return zeros_like(g); }));
}

Tensor frac(In x) {
  const CallSite here(x.location());
  return x - trunc(In(x));
}

Tensor heaviside(In x, In values) {
  match(heaviside_op, x, values);
  static_cast<void>(broadcast_shapes("heaviside", x.shape(), values.shape()));
  const Array zero = core::number(0, x.dtype());
  const Array step = core::where(core::greater(x.value(), zero), core::number(1, x.dtype()), zero);
  const Array at_zero = core::equal(x.value(), zero);
  const Array value = core::where(at_zero, values.value(), step);
  return heaviside_op(is_floating(x.dtype()) ? core::where(core::isnan(x.value()), x.value(), value) : value,
                      wrt(x, [](const Tensor& g) { return zeros_like(g); }),
                      wrt(values, [at_zero](const Tensor& g) { return where(at_zero, g, 0.0); }));
}

Tensor ldexp(In x, In e) {
  if (!x.is_number() && !is_floating(x.dtype())) x.promote(f32);
  const Array by = core::as_indices("ldexp", e.is_number() ? core::number(e.number(), e.literal()) : e.value());
  return ldexp_op(core::ldexp(x.value(), by), wrt(x, [by](const Tensor& g) { return ldexp(g, by); }));
}

Frexp frexp(In x) {
  const CallSite here(x.location());
  if (!is_floating(x.dtype())) return frexp(In(x.tensor().to(f32), x.location()));
  const Array exponent = core::exponent(x.value());
  return {ldexp(x, core::neg(exponent)), exponent};
}

Tensor nextafter(In a, In b) {
  make_floats(nextafter_op, a, b);
  return nextafter_op(core::nextafter(a.value(), b.value()), wrt(a, [](Tensor g) { return g; }),
                      wrt(b, [](const Tensor& g) { return zeros_like(g); }));
}

Tensor gcd(In a, In b) {
  match(gcd_op, a, b);
  return gcd_op(core::gcd(a.value(), b.value()));
}

Tensor lcm(In a, In b) {
  match(lcm_op, a, b);
  return lcm_op(core::lcm(a.value(), b.value()));
}

}  // namespace newtape
