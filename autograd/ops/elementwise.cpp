// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/elementwise.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/kink.hpp>
#include <newtape/autograd/ops/detail/slopes.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>

#include <numbers>
#include <utility>

namespace newtape {

static const Op exp_op{"exp"};
static const Op expm1_op{"expm1"};
static const Op exp2_op{"exp2"};
static const Op log_op{"log"};
static const Op log1p_op{"log1p"};
static const Op log2_op{"log2"};
static const Op log10_op{"log10"};
static const Op sqrt_op{"sqrt"};
static const Op rsqrt_op{"rsqrt"};
static const Op cbrt_op{"cbrt"};
static const Op sin_op{"sin"};
static const Op cos_op{"cos"};
static const Op tan_op{"tan"};
static const Op asin_op{"asin"};
static const Op acos_op{"acos"};
static const Op atan_op{"atan"};
static const Op atan2_op{"atan2"};
static const Op sinh_op{"sinh"};
static const Op cosh_op{"cosh"};
static const Op tanh_op{"tanh"};
static const Op asinh_op{"asinh"};
static const Op acosh_op{"acosh"};
static const Op atanh_op{"atanh"};

Tensor exp(In x) {
  return exp_op(core::exp(x.take()), wrt(x, [](Cotangent g, const Tensor& y) { return std::move(g) * y; }));
}

Tensor expm1(In x) {
  return expm1_op(core::expm1(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * exp(x); }));
}

Tensor exp2(In x) {
  return exp2_op(core::exp2(x.take()),
                 wrt(x, [](Cotangent g, const Tensor& y) { return std::move(g) * std::numbers::ln2 * y; }));
}

Tensor log(In x) {
  return log_op(core::log(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) / x; }));
}

Tensor log1p(In x) {
  return log1p_op(core::log1p(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) / (x + 1.0); }));
}

Tensor log2(In x) {
  return log2_op(core::log2(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * std::numbers::log2e / x; }));
}

Tensor log10(In x) {
  return log10_op(core::log10(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * std::numbers::log10e / x; }));
}

Tensor sqrt(In x) {
  return sqrt_op(core::sqrt(x.take()),
                 wrt(x, [](const Tensor& g, const Tensor& y) { return detail::root_gradient(g, y); }));
}

Tensor rsqrt(In x) {
  return rsqrt_op(core::rsqrt(x.take()),
                  wrt(x, [](Cotangent g, const Tensor& y) { return std::move(g) * -0.5 * y * y * y; }));
}

Tensor cbrt(In x) {
  return cbrt_op(core::cbrt(x.take()), wrt(x, [](Cotangent g, const Tensor& y) { return std::move(g) / 3.0 / y / y; }));
}

Tensor sin(In x) {
  return sin_op(core::sin(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * cos(x); }));
}

Tensor cos(In x) {
  return cos_op(core::cos(x.value()), wrt(x, [x](Cotangent g) { return -(std::move(g) * sin(x)); }));
}

Tensor tan(In x) {
  return tan_op(core::tan(x.take()), wrt(x, [](Cotangent g, const Tensor& y) { return std::move(g) * (1.0 + y * y); }));
}

Tensor asin(In x) {
  return asin_op(core::asin(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * detail::asin_slope(x); }));
}

Tensor acos(In x) {
  return acos_op(core::acos(x.value()), wrt(x, [x](Cotangent g) { return -(std::move(g) * detail::asin_slope(x)); }));
}

Tensor atan(In x) {
  return atan_op(core::atan(x.value()), wrt(x, [x](Cotangent g) {
                   if (!recorded(g, x)) return std::move(g) / (1.0 + x * x);
                   const Tensor cosine = detail::hypot_slope(1.0, x);  // in higher derivatives x^4 could overflow
                   return std::move(g) * cosine * cosine;
                 }));
}

namespace {
/// a / r^2 with r = hypot(a, b), without r^2, which can overflow or underflow; 0 at (0, 0).
Cotangent angle_grad(Cotangent g, const Tensor& a, const Tensor& b) {
  return std::move(g) * detail::hypot_slope(a, b) / detail::nonzero_hypot(a, b);
}
}  // namespace

Tensor atan2(In y, In x) {
  match(atan2_op, y, x);
  return atan2_op(core::atan2(y.value(), x.value()),
                  wrt(y, [y, x](Cotangent g) { return angle_grad(std::move(g), x, y); }),
                  wrt(x, [y, x](Cotangent g) { return -angle_grad(std::move(g), y, x); }));
}

Tensor sinh(In x) {
  return sinh_op(core::sinh(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * cosh(x); }));
}

Tensor cosh(In x) {
  return cosh_op(core::cosh(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * sinh(x); }));
}

Tensor tanh(In x) {
  // Before x is captured: only then is a temporary constant the sole owner of its memory.
  Array y = core::tanh(x.requires_grad() ? x.value() : x.take());
  return tanh_op(std::move(y), wrt(x, [x](Tensor g) { return detail::tanh_grad(std::move(g), x); }));
}

Tensor asinh(In x) {
  return asinh_op(core::asinh(x.value()),
                  wrt(x, [x](Cotangent g) { return std::move(g) * detail::hypot_slope(1.0, x); }));
}

// 1 / sqrt(x^2 - 1), without x^2, which could overflow.
Tensor acosh(In x) {
  return acosh_op(core::acosh(x.value()),
                  wrt(x, [x](Cotangent g) { return std::move(g) * rsqrt(x - 1.0) * rsqrt(x + 1.0); }));
}

Tensor atanh(In x) {
  return atanh_op(core::atanh(x.value()), wrt(x, [x](Cotangent g) {
                    const Tensor root = detail::asin_slope(x);
                    return std::move(g) * root * root;
                  }));
}

}  // namespace newtape
