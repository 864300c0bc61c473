// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/linear.hpp>

#include <cmath>

namespace newtape::nn {

namespace {
Shape linear_shape(std::int64_t in, std::int64_t out) {
  if (in < 1 || out < 1) {
    raise<ValueError>("Linear: sizes must be positive", "in_features >= 1, out_features >= 1",
                      std::to_string(in) + ", " + std::to_string(out));
  }
  return {out, in};
}
}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options)
    : in_features(in),
      out_features(out),
      weight(add("weight", Parameter(Array::empty(linear_shape(in, out), options.dtype)))) {
  init::kaiming_uniform(weight, {.a = std::sqrt(5.0)});
  if (!options.bias) return;
  bias = add("bias", Parameter(Array::empty({out}, options.dtype)));
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  init::uniform(bias, -bound, bound);
}

Tensor Linear::forward(In x) const {
  if (x.ndim() == 0 || x.shape().back() != in_features) {
    raise<ShapeError>("Linear: the last axis must be the input features", "x [.., " + std::to_string(in_features) + "]",
                      "x " + to_string(x.shape()));
  }
  return bias.defined() ? linear(std::move(x), weight, bias) : linear(std::move(x), weight);
}

}  // namespace newtape::nn
