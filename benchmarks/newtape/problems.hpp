// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "support.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/pooling.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cstdint>
#include <span>
#include <vector>

/// Functions, models and data that newtape_bench_worker and newtape_capture_bench both measure.
namespace bench::problems {

namespace nn = nt::nn;

/// Inputs of a model and what it should make of them.
struct Batch {
  Tensor x, target;
};

inline Tensor small_chain(const Tensor& x, const Tensor& y) {
  Tensor z = x;
  for (int i = 0; i < 50; ++i) {
    z = z * y;
    z = z + x;
  }
  return nt::sum(z);
}

/// The elementwise part of ew_chain, also of the arguments of nt::fuse.
inline constexpr auto elementwise_chain = [](const auto& x) {
  using nt::exp, nt::sigmoid, nt::tanh;
  return tanh(0.5 * x) * x + sigmoid(x) * x - exp(-x * x);
};

inline nn::Sequential tiny_mlp() {
  return nn::Sequential(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, 1));
}
inline Batch tiny_mlp_batch() { return {constant({32, 32}, 1), constant({32, 1}, 2)}; }

inline nn::Sequential mlp() {
  return nn::Sequential(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
}
inline Batch mlp_batch() { return {constant({128, 784}, 1), array({128}, labels(128, 10, 2))}; }

inline nn::Sequential cnn() {
  return nn::Sequential(nn::Conv2d(1, 32, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                        nn::Conv2d(32, 64, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                        nn::Linear(64 * 7 * 7, 128), nn::ReLU(), nn::Linear(128, 10));
}
inline Batch cnn_batch() { return {constant({64, 1, 28, 28}, 1), array({64}, labels(64, 10, 2))}; }

inline nn::TransformerEncoderLayer transformer() { return {256, 8, {.dim_feedforward = 1024, .dropout = 0}}; }
inline Batch transformer_batch() { return {constant({128, 8, 256}, 1), constant({128, 8, 256}, 2)}; }

/// Poisson's equation, laplacian(u) = target, at 256 points of a plane.
inline nn::Sequential pinn() {
  return nn::Sequential(nn::Linear(2, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(),
                        nn::Linear(32, 1));
}
inline Batch pinn_batch() { return {constant({256, 2}, 1), constant({256}, 2)}; }
inline nt::UnaryFunction pinn_value(const nn::Sequential& model) {
  return [&model](const Tensor& at) { return nt::squeeze(model(at), {-1}); };
}

/// A recurrent layer, whose last state is classified.
template <class Layer>
struct Recurrent : nn::Module<Recurrent<Layer>> {
  Recurrent(std::int64_t in, std::int64_t hidden)
      : layer(this->add("layer", Layer(in, hidden))), fc(this->add("fc", nn::Linear(hidden, 10))) {}
  Tensor forward(const Tensor& x) const { return fc(nt::select(layer(x).output, 0, -1)); }
  Layer layer;
  nn::Linear fc;
};

/// A 10-20-10-1 tanh network in f64 and its squared error on 256 samples: 441 parameters.
struct Curvature {
  Tensor x = constant<double>({256, 10}, 1);
  Tensor target = constant<double>({256, 1}, 2);
  std::vector<Tensor> parameters = {constant<double>({20, 10}, 10, 0.3), constant<double>({20}, 11, 0.3),
                                    constant<double>({10, 20}, 12, 0.2), constant<double>({10}, 13, 0.2),
                                    constant<double>({1, 10}, 14, 0.3),  constant<double>({1}, 15, 0.3)};

  Tensor operator()(std::span<const Tensor> p) const {
    const auto h = nt::tanh(nt::linear(x, p[0], p[1]));
    return nn::mse_loss(nt::linear(nt::tanh(nt::linear(h, p[2], p[3])), p[4], p[5]), target);
  }
  /// Vectors for products with the Hessian.
  std::vector<Tensor> vectors() const {
    std::vector<Tensor> vs;
    for (std::size_t i = 0; i < parameters.size(); ++i) vs.push_back(constant<double>(parameters[i].shape(), 20 + i));
    return vs;
  }
};

}  // namespace bench::problems
