// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/special.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/slopes.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/special.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace newtape {

static const Op erf_op{"erf"};
static const Op erfc_op{"erfc"};
static const Op erfinv_op{"erfinv"};
static const Op erfcx_op{"erfcx"};
static const Op ndtr_op{"ndtr"};
static const Op log_ndtr_op{"log_ndtr"};
static const Op ndtri_op{"ndtri"};
static const Op entr_op{"entr"};
static const Op logit_op{"logit"};
static const Op i0_op{"i0"};
static const Op i0e_op{"i0e"};
static const Op i1e_op{"i1e"};
static const Op bessel_j_op{"bessel_j"};
static const Op bessel_y_op{"bessel_y"};
static const Op lgamma_op{"lgamma"};
static const Op digamma_op{"digamma"};
static const Op polygamma_op{"polygamma"};
static const Op sinc_op{"sinc"};
static const Op logaddexp_op{"logaddexp"};
static const Op logaddexp2_op{"logaddexp2"};
static const Op logaddexp_slope_op{"logaddexp_slope"};
static const Op xlogy_op{"xlogy"};
static const Op xlog1py_op{"xlog1py"};

Tensor erf(In x) {
  return erf_op(core::erf(x.value()), wrt(x, [x](Cotangent g) {
                  return std::move(g) * (2 * std::numbers::inv_sqrtpi) * detail::gaussian(x, 1);
                }));
}

Tensor erfc(In x) {
  return erfc_op(core::erfc(x.value()), wrt(x, [x](Cotangent g) {
                   return std::move(g) * (-2 * std::numbers::inv_sqrtpi) * detail::gaussian(x, 1);
                 }));
}

Tensor erfinv(In x) {
  return erfinv_op(core::erfinv(x.take()), wrt(x, [](Cotangent g, const Tensor& y) {
                     return std::move(g) * (0.5 / std::numbers::inv_sqrtpi) * exp(y * y);
                   }));
}

namespace {
/// The n-th derivative of a function whose kernel has all orders.
template <const Op& op, Array (*value)(Array, int)>
Tensor of_order(In x, int n) {
  return op(value(x.value(), n), wrt(x, [x, n](Cotangent g) { return std::move(g) * of_order<op, value>(x, n + 1); }));
}
}  // namespace

Tensor erfcx(In x) { return of_order<erfcx_op, core::erfcx>(std::move(x), 0); }
Tensor log_ndtr(In x) { return of_order<log_ndtr_op, core::log_ndtr>(std::move(x), 0); }
Tensor i0(In x) { return of_order<i0_op, core::i0>(std::move(x), 0); }
Tensor i1(In x) { return of_order<i0_op, core::i0>(std::move(x), 1); }
Tensor i0e(In x) { return of_order<i0e_op, core::i0e>(std::move(x), 0); }
Tensor i1e(In x) { return of_order<i1e_op, core::i1e>(std::move(x), 0); }

namespace {
/// A Bessel function of order n >= 0; f_n' = (f_(n-1) - f_(n+1)) / 2, which has no quotient to cancel at 0.
template <const Op& op, Array (*value)(Array, int)>
Tensor bessel(In x, int n) {
  return op(value(x.value(), n), wrt(x, [x, n](Cotangent g) {
              const Tensor next = bessel<op, value>(x, n + 1);
              if (n == 0) return -(std::move(g) * next);
              return std::move(g) * ((bessel<op, value>(x, n - 1) - next) * 0.5);
            }));
}
template <const Op& op, Array (*value)(Array, int)>
Tensor bessel_of_any_order(In x, int n) {
  if (n >= 0) return bessel<op, value>(std::move(x), n);
  const Tensor y = bessel<op, value>(std::move(x), -n);
  return n % 2 == 0 ? y : -y;
}
}  // namespace

Tensor bessel_jn(int n, In x) { return bessel_of_any_order<bessel_j_op, core::bessel_j>(std::move(x), n); }
Tensor bessel_yn(int n, In x) { return bessel_of_any_order<bessel_y_op, core::bessel_y>(std::move(x), n); }

namespace {
constexpr double inv_sqrt_2pi = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

Tensor ndtr(In x) {
  return ndtr_op(core::ndtr(x.value()),
                 wrt(x, [x](Cotangent g) { return std::move(g) * inv_sqrt_2pi * detail::gaussian(x, 0.5); }));
}

Tensor ndtri(In p) {
  // 1 / phi(y), of the smaller tail: phi(y) = q r(y), where r is the derivative of log_ndtr, at y <= 0.
  return ndtri_op(core::ndtri(p.value()), wrt(p, [p](Cotangent g, const Tensor& y) {
                    const Tensor q = where(p < 0.5, p, 1.0 - p);
                    const Tensor r = of_order<log_ndtr_op, core::log_ndtr>(where(p < 0.5, y, -y), 1);
                    return std::move(g) / (q * r);
                  }));
}

Tensor entr(In x) {
  return entr_op(core::entr(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * (-1.0 - log(x)); }));
}

Tensor logit(In x) {
  return logit_op(core::logit(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) / x / (1.0 - x); }));
}
Tensor logit(In x, double eps) { return logit(clip(std::move(x), eps, 1 - eps)); }

Tensor lgamma(In x) {
  return lgamma_op(core::lgamma(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * digamma(x); }));
}

Tensor digamma(In x) {
  return digamma_op(core::digamma(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * polygamma(1, x); }));
}

Tensor polygamma(int n, In x) {
  if (n < 0) raise<ValueError>("polygamma: the order must not be negative", "n >= 0", std::to_string(n));
  if (n == 0) return digamma(std::move(x));
  return polygamma_op(core::polygamma(n, x.value()),
                      wrt(x, [n, x](Cotangent g) { return std::move(g) * polygamma(n + 1, x); }));
}

namespace {
/// The derivative of sinc of that order, by a kernel that is accurate near 0.
Tensor sinc(In x, int order) {
  return sinc_op(core::sinc(x.value(), order),
                 wrt(x, [x, order](Cotangent g) { return std::move(g) * sinc(x, order + 1); }));
}
}  // namespace

Tensor sinc(In x) { return sinc(std::move(x), 0); }

namespace {
struct LogSum {
  const Op& op;
  Array (*value)(Array, Array);
  Array (*slope)(Array, Array);
  double log_base;
};
const LogSum natural{logaddexp_op, core::logaddexp, core::logaddexp_slope, 1};
const LogSum binary{logaddexp2_op, core::logaddexp2, core::logaddexp2_slope, std::numbers::ln2};

/// The derivative of logaddexp(a, b) in a: sigmoid(d) with d = (a - b) log_base. For equal infinities d is NaN, and the
/// derivative constant.
Tensor logaddexp_slope(const LogSum& f, In a, In b) {
  const auto second = [&f](Tensor g, const Tensor& x, const Tensor& y) {
    const Tensor d = where(logical_and(x == y, isinf(x)), std::numeric_limits<double>::infinity(), x - y);
    return detail::sigmoid_grad(f.log_base * std::move(g), f.log_base * d);
  };
  return logaddexp_slope_op(f.slope(a.value(), b.value()),
                            wrt(a, [a, b, second](Tensor g) { return second(std::move(g), a, b); }),
                            wrt(b, [a, b, second](Tensor g) { return -second(std::move(g), a, b); }));
}

Tensor log_sum(const LogSum& f, In a, In b) {
  match(f.op, a, b);
  return f.op(f.value(a.value(), b.value()),
              wrt(a, [&f, a, b](Cotangent g) { return std::move(g) * logaddexp_slope(f, a, b); }),
              wrt(b, [&f, a, b](Cotangent g) { return std::move(g) * logaddexp_slope(f, b, a); }));
}
}  // namespace

Tensor logaddexp(In a, In b) { return log_sum(natural, std::move(a), std::move(b)); }
Tensor logaddexp2(In a, In b) { return log_sum(binary, std::move(a), std::move(b)); }

namespace {
/// `b`, or `instead` where a = 0 and log(b + shift) is not finite, as the product is 0 there.
Tensor regular(const Tensor& a, const Tensor& b, double shift, double instead) {
  return where((a == 0.0) & (b <= -shift), instead, b);
}
}  // namespace

Tensor xlogy(In a, In b) {
  match(xlogy_op, a, b);
  return xlogy_op(core::xlogy(a.value(), b.value()),
                  wrt(a, [a, b](Cotangent g) { return std::move(g) * log(regular(a, b, 0, 1)); }),
                  wrt(b, [a, b](Cotangent g) { return std::move(g) * (a / regular(a, b, 0, 1)); }));
}

Tensor xlog1py(In a, In b) {
  match(xlog1py_op, a, b);
  return xlog1py_op(core::xlog1py(a.value(), b.value()),
                    wrt(a, [a, b](Cotangent g) { return std::move(g) * log1p(regular(a, b, 1, 0)); }),
                    wrt(b, [a, b](Cotangent g) { return std::move(g) * (a / (1.0 + regular(a, b, 1, 0))); }));
}

}  // namespace newtape
