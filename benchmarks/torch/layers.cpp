// SPDX-License-Identifier: BSD-3-Clause
// Single layers; newtape/layers.cpp is the other side.
#include "support.hpp"

namespace bench {

namespace {

/// A layer forward and, from a given cotangent of its result, backward to its input and parameters.
template <class Layer>
Workload layer(Layer f, torch::IntArrayRef shape) {
  const auto parameters = f->parameters();
  fill(parameters);
  auto x = variable(shape, 1);
  const auto g = constant(shape, 2);
  auto step = [=]() mutable {
    x.mutable_grad().reset();
    f->zero_grad(/*set_to_none=*/true);
    Tensor y = f->forward(x);
    y.backward(g);
    return y;
  };
  return {step, [=](Fingerprint& print) mutable {
            add(print, "result", step());
            add(print, "gradient", x.grad());
            add_gradients(print, parameters);
          }};
}

const Workloads layers{
    {"batch_norm",
     [] {
       return layer(torch::nn::BatchNorm2d(128), {64, 128, 28, 28});
     }},
    {"layer_norm",
     [] {
       return layer(torch::nn::LayerNorm(torch::nn::LayerNormOptions({512})), {8192, 512});
     }},
};

}  // namespace

}  // namespace bench
