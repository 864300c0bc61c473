// SPDX-License-Identifier: BSD-3-Clause
// Single layers; torch/layers.cpp is the other side.
#include "support.hpp"

#include <newtape/nn/layers/norm.hpp>

namespace bench {

namespace {

/// A layer forward and, from a given cotangent of its result, backward to its input and parameters.
template <class Layer>
Workload layer(const Layer& f, const nt::Shape& shape) {
  fill(f.parameters());
  const auto x = variable(shape, 1);
  const auto g = constant(shape, 2);
  const auto step = [=] {
    x.set_grad({});
    f.zero_grad();
    Tensor y = f(x);
    y.backward({.gradient = g});
    return y;
  };
  return {step, [=](Fingerprint& print) {
            add(print, "result", step());
            add(print, "gradient", x.grad());
            add_gradients(print, f.parameters());
          }};
}

const Workloads layers{
    {"batch_norm",
     [] {
       return layer(nt::nn::BatchNorm2d(128), {64, 128, 28, 28});
     }},
    {"layer_norm",
     [] {
       return layer(nt::nn::LayerNorm(512), {8192, 512});
     }},
};

}  // namespace

}  // namespace bench
