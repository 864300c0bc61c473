// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/slopes.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/ops/activation.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/core/ops/piecewise.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace newtape {

static const Op relu_op{"relu"};
static const Op prelu_op{"prelu"};
static const Op elu_op{"elu"};
static const Op sigmoid_op{"sigmoid"};
static const Op softplus_op{"softplus"};
static const Op softsign_op{"softsign"};
static const Op silu_op{"silu"};
static const Op mish_op{"mish"};
static const Op gelu_op{"gelu"};
static const Op gelu_tanh_op{"gelu_tanh"};
static const Op hardtanh_op{"hardtanh"};
static const Op hardswish_op{"hardswish"};
static const Op tanhshrink_op{"tanhshrink"};

Tensor relu(In x) {
  return relu_op(core::relu(x.take()), wrt(x, [](Cotangent g, const Tensor& y) -> Tensor {
                   if (recorded(g, y)) return where(y > 0.0, g, 0.0);
                   return core::relu_grad(g.take_value(), y.value());
                 }));
}

Tensor relu6(In x) { return hardtanh(std::move(x), 0, 6); }

Tensor leaky_relu(In x, double negative_slope) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "leaky_relu", {x}, {{"alpha", negative_slope}}, [&] { return leaky_relu(x, negative_slope); }, x.location());
  }
  return prelu(std::move(x), negative_slope);
}

Tensor prelu(In x, In weight) {
  match(prelu_op, x, weight);
  return prelu_op(core::prelu(x.value(), weight.value()),
                  wrt(x,
                      [x, weight](Cotangent g) -> Tensor {
                        if (recorded(g, weight)) return where(x > 0.0, g, g * weight);
                        return core::prelu_grad(g.take_value(), x.value(), weight.value());
                      }),
                  wrt(weight, [x](const Cotangent& g) { return where(x > 0.0, 0.0, g * x); }));
}

Tensor elu(In x, double alpha) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "elu", {x}, {{"alpha", alpha}}, [&] { return elu(x, alpha); }, x.location());
  }
  In a = alpha;
  match(elu_op, x, a);
  return elu_op(core::elu(x.value(), a.value()), wrt(x, [x, a](Cotangent g) -> Tensor {
                  if (!recorded(g, x)) return core::elu_grad(g.take_value(), x.value(), a.value());
                  const Tensor positive = x > 0.0;
                  return g * where(positive, 1.0, a * exp(where(positive, 0.0, x)));
                }));
}

// Klambauer et al. 2017, Self-normalizing neural networks
Tensor selu(In x) { return elu(std::move(x), 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946; }

Tensor celu(In x, double alpha) {
  if (!(alpha > 0)) raise<ValueError>("celu: alpha must be positive", "alpha > 0", std::to_string(alpha));
  return elu(x / alpha) * alpha;
}

Tensor sigmoid(In x) {
  // Before x is captured: only then is a temporary constant the sole owner of its memory.
  Array y = core::sigmoid(x.requires_grad() ? x.value() : x.take());
  return sigmoid_op(std::move(y), wrt(x, [x](Tensor g) { return detail::sigmoid_grad(std::move(g), x); }));
}

Tensor logsigmoid(In x) { return -softplus(-x); }

Tensor softplus(In x) {
  return softplus_op(core::softplus(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                       if (recorded(g, x)) return g * sigmoid(x);
                       return core::softplus_grad(g.take_value(), x.value());
                     }));
}

Tensor softsign(In x) {
  return softsign_op(core::softsign(x.value()), wrt(x, [x](Cotangent g) {
                       const Tensor b = 1.0 + abs(x);
                       if (!recorded(g, x)) return std::move(g) / square(b);
                       return std::move(g) / b / b;  // in higher derivatives b^4 could overflow
                     }));
}

namespace {
/// x, limited to where the factor beside it underflows to 0: an infinite x would make NaN of it.
Tensor limited(const Tensor& x, double limit) { return clip(x, -limit, limit); }
}  // namespace

Tensor silu(In x) {
  return silu_op(core::silu(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                   if (!recorded(g, x)) return core::silu_grad(g.take_value(), x.value());
                   return g * sigmoid(x) + Cotangent(detail::sigmoid_grad(g.tensor(), x)) * limited(x, 1000);
                 }));
}

Tensor mish(In x) {
  return mish_op(core::mish(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                   if (!recorded(g, x)) return core::mish_grad(g.take_value(), x.value());
                   const Tensor u = softplus(x);
                   return g * tanh(u) + Cotangent(detail::tanh_grad(g.tensor(), u)) * silu(limited(x, 1000));
                 }));
}

Tensor gelu(In x) {
  return gelu_op(core::gelu(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                   if (!recorded(g, x)) return core::gelu_grad(g.take_value(), x.value());
                   // Phi(x) + x phi(x)
                   const Tensor cdf = 0.5 * erfc(x * (-0.5 * std::numbers::sqrt2));
                   const double scale = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
                   return g * cdf + g * detail::gaussian(x, 0.5) * scale * limited(x, 100);
                 }));
}

Tensor gelu(In x, Approximate approximate) {
  if (approximate == Approximate::exact) return gelu(std::move(x));
  return gelu_tanh_op(core::gelu_tanh(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                        if (!recorded(g, x)) return core::gelu_tanh_grad(g.take_value(), x.value());
                        // (1 + tanh u) / 2 = sigmoid(2 u) with 2 u = x (a + b x^2)
                        constexpr double a = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
                        constexpr double b = 0.044715 * a;
                        const Tensor t = limited(x, 50);
                        const Tensor z = b * square(t);
                        const Tensor u = t * (a + z);
                        return g * sigmoid(u) + Cotangent(detail::sigmoid_grad(g.tensor(), u)) * t * (a + 3.0 * z);
                      }));
}

Tensor hardtanh(In x, double low, double high) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "hardtanh", {x}, {{"low", low}, {"high", high}}, [&] { return hardtanh(x, low, high); }, x.location());
  }
  if (!(low < high)) {
    raise<ValueError>("hardtanh: the bounds must be in ascending order", "low < high",
                      std::to_string(low) + " and " + std::to_string(high));
  }
  In below = low;
  In above = high;
  const bool whole = low == std::floor(low) && high == std::floor(high);  // then integers stay integers
  for (In* const bound : {&below, &above}) {
    whole ? bound->resolve("hardtanh", x.dtype()) : match(hardtanh_op, x, *bound);
  }
  return hardtanh_op(core::clip(x.value(), below.value(), above.value()),
                     wrt(x, [x, low, high](const Tensor& g) { return where((x > low) & (x < high), g, 0.0); }));
}

Tensor hardsigmoid(In x) { return hardtanh(x / 6.0 + 0.5, 0, 1); }

Tensor hardswish(In x) {
  return hardswish_op(core::hardswish(x.value()), wrt(x, [x](Cotangent g) -> Tensor {
                        if (!recorded(g, x)) return core::hardswish_grad(g.take_value(), x.value());
                        return g * where(x <= -3.0, 0.0, where(x < 3.0, x / 3.0 + 0.5, 1.0));
                      }));
}

Tensor threshold(In x, double threshold, double value) { return where(x <= threshold, value, x); }

Tensor hardshrink(In x, double lambda) { return where(abs(x.tensor().detach()) <= lambda, 0.0, x); }

Tensor softshrink(In x, double lambda) { return x - clip(x, -lambda, lambda); }

Tensor tanhshrink(In x) {
  return tanhshrink_op(core::tanhshrink(x.value()),
                       wrt(x, [x](Cotangent g) { return std::move(g) * square(tanh(x)); }));
}

}  // namespace newtape
