// SPDX-License-Identifier: BSD-3-Clause
// Writes a model as ONNX and reads it again; catches an error of the library by its type.
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/onnx/onnx.hpp>

#include <cstdio>

namespace nt = newtape;
namespace nn = nt::nn;

int main() {
  const nn::Sequential model(nn::Linear(3, 8), nn::Tanh(), nn::Linear(8, 2));
  const nt::Tensor x = nt::randn({5, 3});
  nt::onnx::save("consumer.onnx", model, x, {.dynamic_batch = true});
  const nt::onnx::Model loaded = nt::onnx::load("consumer.onnx");
  // The same products and sums, perhaps joined or ordered otherwise: 8 terms of size 1 in f32, twice.
  const float error = nt::core::max(nt::core::abs((loaded(x) - model(x)).value())).item<float>();
  try {
    nt::onnx::load("does_not_exist.onnx");
  } catch (const nt::IoError&) {
    std::printf("largest difference %g\n", double(error));
    return error < 1e-5F ? 0 : 1;
  }
  return 1;
}
