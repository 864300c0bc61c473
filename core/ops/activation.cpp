// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/activation.hpp>

#include <newtape/core/kernels/elementwise.hpp>

#include <utility>

namespace newtape::core {

using kernels::binary;
using kernels::ternary;
using kernels::unary;

Array sigmoid(Array x) { return unary<"sigmoid">(std::move(x)); }
Array softplus(Array x) { return unary<"softplus">(std::move(x)); }
Array relu(Array x) { return unary<"relu">(std::move(x)); }
Array gelu(Array x) { return unary<"gelu">(std::move(x)); }
Array gelu_tanh(Array x) { return unary<"gelu_tanh">(std::move(x)); }
Array silu(Array x) { return unary<"silu">(std::move(x)); }
Array mish(Array x) { return unary<"mish">(std::move(x)); }
Array hardswish(Array x) { return unary<"hardswish">(std::move(x)); }
Array softsign(Array x) { return unary<"softsign">(std::move(x)); }
Array tanhshrink(Array x) { return unary<"tanhshrink">(std::move(x)); }
Array prelu(Array x, Array w) { return binary<"prelu">(std::move(x), std::move(w)); }
Array elu(Array x, Array alpha) { return binary<"elu">(std::move(x), std::move(alpha)); }

Array sigmoid_grad(Array g, Array x) { return binary<"sigmoid_grad">(std::move(g), std::move(x)); }
Array softplus_grad(Array g, Array x) { return binary<"softplus_grad">(std::move(g), std::move(x)); }
Array relu_grad(Array g, Array y) { return binary<"relu_grad">(std::move(g), std::move(y)); }
Array gelu_grad(Array g, Array x) { return binary<"gelu_grad">(std::move(g), std::move(x)); }
Array gelu_tanh_grad(Array g, Array x) { return binary<"gelu_tanh_grad">(std::move(g), std::move(x)); }
Array silu_grad(Array g, Array x) { return binary<"silu_grad">(std::move(g), std::move(x)); }
Array mish_grad(Array g, Array x) { return binary<"mish_grad">(std::move(g), std::move(x)); }
Array hardswish_grad(Array g, Array x) { return binary<"hardswish_grad">(std::move(g), std::move(x)); }
Array prelu_grad(Array g, Array x, Array w) { return ternary<"prelu_grad">(std::move(g), std::move(x), std::move(w)); }
Array elu_grad(Array g, Array x, Array alpha) {
  return ternary<"elu_grad">(std::move(g), std::move(x), std::move(alpha));
}

}  // namespace newtape::core
