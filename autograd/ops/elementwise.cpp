// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>

#include <cmath>
#include <numbers>

namespace newtape {

static const Op exp_op{"exp"};
static const Op expm1_op{"expm1"};
static const Op log_op{"log"};
static const Op log1p_op{"log1p"};
static const Op sqrt_op{"sqrt"};
static const Op sin_op{"sin"};
static const Op cos_op{"cos"};
static const Op tanh_op{"tanh"};
static const Op erf_op{"erf"};
static const Op sigmoid_op{"sigmoid"};
static const Op softplus_op{"softplus"};
static const Op relu_op{"relu"};
static const Op gelu_op{"gelu"};

Tensor exp(In x) {
  return exp_op(core::exp(x.take()), wrt(x, [](Tensor g, const Tensor& y) { return std::move(g) * y; }));
}

Tensor expm1(In x) {
  return expm1_op(core::expm1(x.take()), wrt(x, [](Tensor g, const Tensor& y) { return std::move(g) * (y + 1.0); }));
}

Tensor log(In x) {
  return log_op(core::log(x.value()), wrt(x, [x](Tensor g) { return std::move(g) / x; }));
}

Tensor log1p(In x) {
  return log1p_op(core::log1p(x.value()), wrt(x, [x](Tensor g) { return std::move(g) / (x + 1.0); }));
}

Tensor sqrt(In x) {
  return sqrt_op(core::sqrt(x.take()), wrt(x, [](Tensor g, const Tensor& y) { return std::move(g) * 0.5 / y; }));
}

Tensor sin(In x) {
  return sin_op(core::sin(x.value()), wrt(x, [x](Tensor g) { return std::move(g) * cos(x); }));
}

Tensor cos(In x) {
  return cos_op(core::cos(x.value()), wrt(x, [x](Tensor g) { return -(std::move(g) * sin(x)); }));
}

static const Op tanh_grad_op{"tanh_grad"};

namespace {
/// g (1 - y^2), which is what the derivatives of tanh are made of.
Tensor tanh_grad(In g, In y) {
  if (!recorded(g, y)) return core::tanh_grad(g.take(), y.value());
  return tanh_grad_op(core::tanh_grad(g.value(), y.value()),
                      wrt(g, [y](Tensor h) { return tanh_grad(std::move(h), y); }),
                      wrt(y, [g, y](Tensor h) { return std::move(h) * (g * y * -2.0); }));
}
}  // namespace

Tensor tanh(In x) {
  return tanh_op(core::tanh(x.take()), wrt(x, [](Tensor g, const Tensor& y) { return tanh_grad(std::move(g), y); }));
}

Tensor erf(In x) {
  return erf_op(core::erf(x.value()),
                wrt(x, [x](Tensor g) { return std::move(g) * (2 / std::sqrt(std::numbers::pi)) * exp(-(x * x)); }));
}

Tensor sigmoid(In x) {
  return sigmoid_op(core::sigmoid(x.take()), wrt(x, [](Tensor g, const Tensor& y) {
                      if (recorded(g, y)) return g * y * (1.0 - y);
                      return Tensor(core::sigmoid_grad(g.take_value(), y.value()));
                    }));
}

Tensor softplus(In x) {
  return softplus_op(core::softplus(x.value()), wrt(x, [x](Tensor g) {
                       if (recorded(g, x)) return g * sigmoid(x);
                       return Tensor(core::softplus_grad(g.take_value(), x.value()));
                     }));
}

Tensor relu(In x) {
  return relu_op(core::relu(x.take()), wrt(x, [](Tensor g, const Tensor& y) {
                   if (recorded(g, y)) return where(y > 0.0, g, 0.0);
                   return Tensor(core::relu_grad(g.take_value(), y.value()));
                 }));
}

Tensor gelu(In x) {
  return gelu_op(core::gelu(x.value()), wrt(x, [x](Tensor g) {
                   if (!recorded(g, x)) return Tensor(core::gelu_grad(g.take_value(), x.value()));
                   // Phi(x) + x phi(x)
                   const Tensor cdf = 0.5 * (1.0 + erf(x * std::numbers::sqrt2 * 0.5));
                   const Tensor pdf = exp(-0.5 * (x * x)) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
                   return g * (cdf + x * pdf);
                 }));
}

}  // namespace newtape
