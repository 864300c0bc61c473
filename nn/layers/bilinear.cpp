// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/bilinear.hpp>

#include <cmath>
#include <string>

namespace newtape::nn {

namespace {
Shape bilinear_shape(std::int64_t in1, std::int64_t in2, std::int64_t out) {
  if (in1 < 1 || in2 < 1 || out < 1) {
    raise<ValueError>("Bilinear: sizes must be positive", "in1, in2, out >= 1",
                      std::to_string(in1) + ", " + std::to_string(in2) + ", " + std::to_string(out));
  }
  return {out, in1, in2};
}
bool ends_with(const In& x, std::int64_t length) { return x.ndim() > 0 && x.shape().back() == length; }
}  // namespace

Bilinear::Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options)
    : in1_features(in1),
      in2_features(in2),
      out_features(out),
      weight(add("weight", Parameter(Array::empty(bilinear_shape(in1, in2, out), options.dtype)))) {
  const double bound = 1 / std::sqrt(static_cast<double>(in1));
  init::uniform(weight, -bound, bound);
  if (!options.bias) return;
  bias = add("bias", Parameter(Array::empty({out}, options.dtype)));
  init::uniform(bias, -bound, bound);
}

Tensor Bilinear::forward(In x1, In x2) const {
  if (!ends_with(x1, in1_features) || !ends_with(x2, in2_features)) {
    raise<ShapeError>("Bilinear: the last axes must be the input features",
                      "x1 [.., " + std::to_string(in1_features) + "], x2 [.., " + std::to_string(in2_features) + "]",
                      "x1 " + to_string(x1.shape()) + ", x2 " + to_string(x2.shape()));
  }
  const Tensor b = bias.defined() ? bias.tensor() : zeros({out_features}, weight.dtype());
  return bilinear(std::move(x1), std::move(x2), weight, b);
}

}  // namespace newtape::nn
