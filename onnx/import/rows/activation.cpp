// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {
namespace {

/// Before version 13 softmax and its kin work on the matrix that flattens the axes before and from `axis` on.
template <Tensor (*f)(In, std::int64_t)>
Results along_axis(Call& c) {
  Tensor x = c.tensor(0);
  if (c.since() >= 13) return c.out(f(std::move(x), c.integer("axis", -1)));
  const Shape shape = x.shape();
  const auto axis = static_cast<std::size_t>(from_front(c.integer("axis", 1), shape.size()));
  const Shape matrix{element_count(lengths(shape, 0, axis)), element_count(lengths(shape, axis, shape.size()))};
  return c.out(reshape(f(reshape(std::move(x), matrix), 1), shape));
}

Tensor hardmax(In x, std::int64_t axis) {
  const Tensor at = argmax(x, axis, true);
  return scatter(zeros_like(x), axis, at, ones(at.shape(), x.dtype()));
}

/// alpha (exp(x) - 1) below 0, gamma x above.
Results selu_row(Call& c) {
  const double alpha = c.real("alpha", 1.67326319217681884765625), gamma = c.real("gamma", 1.05070102214813232421875);
  return c.out(elu(c.tensor(0), alpha) * gamma);
}

Results hard_sigmoid(Call& c) { return c.out(clip(c.tensor(0) * c.real("alpha", 0.2) + c.real("beta", 0.5), 0, 1)); }

Results prelu_row(Call& c) {
  Tensor x = c.tensor(0), slope = c.tensor(1);
  // Before version 7 a slope of one axis is one number for each channel.
  if (c.since() < 7 && slope.ndim() == 1 && x.ndim() > 1 && slope.size() > 1) {
    Shape shape(x.ndim(), 1);
    shape[1] = slope.size();
    slope = reshape(std::move(slope), shape);
  }
  return c.out(prelu(std::move(x), std::move(slope)));
}

Results shrink(Call& c) {
  const double lambda = c.real("lambd", 0.5), bias = c.real("bias", 0);
  const Tensor x = c.tensor(0);
  const Tensor zero = zeros_like(x);
  if (x.dtype() == i64) {
    const auto b = static_cast<std::int64_t>(bias);
    return c.out(map_integers(x, [&](std::int64_t v) {
      const auto value = static_cast<double>(v);
      return value < -lambda ? v + b : value > lambda ? v - b : 0;
    }));
  }
  return c.out(where(x < -lambda, x + bias, where(x > lambda, x - bias, zero)));
}

constexpr Row activation_table[] = {
    {"Celu", {12}, [](Call& c) { return c.out(celu(c.tensor(0), c.real("alpha", 1))); }},
    {"Elu", {1, 6, 22}, [](Call& c) { return c.out(elu(c.tensor(0), c.real("alpha", 1))); }},
    {"Gelu",
     {20},
     [](Call& c) {
       return c.out(
           gelu(c.tensor(0), c.text("approximate", "none") == "tanh" ? Approximate::tanh : Approximate::exact));
     }},
    {"HardSigmoid", {1, 6, 22}, hard_sigmoid},
    {"HardSwish", {14, 22}, unary<newtape::hardswish>},
    {"Hardmax", {1, 11, 13}, along_axis<hardmax>},
    {"LeakyRelu", {1, 6, 16}, [](Call& c) { return c.out(leaky_relu(c.tensor(0), c.real("alpha", 0.01F))); }},
    {"LogSoftmax", {1, 11, 13}, along_axis<newtape::log_softmax>},
    {"Mish", {18, 22}, unary<newtape::mish>},
    {"PRelu", {1, 6, 7, 9, 16}, prelu_row},
    {"Relu", {1, 6, 13, 14}, unary<newtape::relu>},
    {"Selu", {1, 6, 22}, selu_row},
    {"Shrink", {9}, shrink},
    {"Sigmoid", {1, 6, 13}, unary<newtape::sigmoid>},
    {"Softmax", {1, 11, 13}, along_axis<newtape::softmax>},
    {"Softplus", {1, 22}, unary<newtape::softplus>},
    {"Softsign", {1, 22}, unary<newtape::softsign>},
    {"Tanh", {1, 6, 13}, unary<newtape::tanh>},
    {"ThresholdedRelu", {10, 22}, [](Call& c) { return c.out(threshold(c.tensor(0), c.real("alpha", 1), 0)); }},
};

}  // namespace

Rows activation_rows() { return activation_table; }

}  // namespace newtape::onnx::detail
