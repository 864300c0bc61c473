// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/slopes.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/activation.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/special.hpp>

namespace newtape::detail {

static const Op tanh_slope_op{"tanh_slope"};
static const Op asin_slope_op{"asin_slope"};
static const Op hypot_slope_op{"hypot_slope"};
static const Op gaussian_op{"gaussian"};

namespace {
/// kernel(g, x), which is a multiple of g. Slopes are computed once for a batch of cotangents.
Array unrecorded(Array (*kernel)(Array, Array), In& g, const In& x) {
  if (g.size() <= x.size()) return kernel(g.take(), x.value());
  return core::strong_mul(g.operand(), kernel(core::number(1, x.dtype()), x.value()));
}

/// sech(x)^2, computed once for the several products with it in higher derivatives.
Tensor tanh_slope(In x) {
  return tanh_slope_op(core::tanh_grad(core::number(1, x.dtype()), x.value()),
                       // sech^2' = -2 sech^2 tanh
                       wrt(x, [x](Cotangent g, const Tensor& y) { return std::move(g) * y * tanh(x) * -2.0; }));
}
}  // namespace

Tensor tanh_grad(In g, In x) {
  if (!recorded(g, x)) return unrecorded(core::tanh_grad, g, x);
  return Cotangent(g) * tanh_slope(x);
}

Tensor sigmoid_grad(In g, In x) {
  if (!recorded(g, x)) return unrecorded(core::sigmoid_grad, g, x);
  return tanh_grad(0.25 * g, 0.5 * x);  // s(x) = (1 + tanh(x / 2)) / 2
}

Tensor asin_slope(In x) {
  return asin_slope_op(core::asin_slope(x.value()),
                       wrt(x, [x](Cotangent g, const Tensor& y) { return std::move(g) * x * y * y * y; }));
}

Tensor hypot_slope(In a, In b) {
  match(hypot_slope_op, a, b);
  // With c = a / r and s = b / r: dc/da = s^2 / r, dc/db = -c s / r.
  return hypot_slope_op(core::hypot_slope(a.value(), b.value()),
                        wrt(a,
                            [a, b](Cotangent g) {
                              const Tensor s = hypot_slope(b, a);
                              return std::move(g) * s * s / nonzero_hypot(a, b);
                            }),
                        wrt(b, [a, b](Cotangent g, const Tensor& y) {
                          return -(std::move(g) * y * hypot_slope(b, a) / nonzero_hypot(a, b));
                        }));
}

Tensor gaussian(In x, double factor) {
  return gaussian_op(core::gaussian(x.value(), factor), wrt(x, [x, factor](Cotangent g, const Tensor& y) {
                       return std::move(g) * y * x * (-2.0 * factor);
                     }));
}

Tensor nonzero_hypot(const Tensor& a, const Tensor& b) {
  return hypot(where(logical_and(a == 0.0, b == 0.0), 1.0, a), b);
}

}  // namespace newtape::detail
