// SPDX-License-Identifier: BSD-3-Clause
// Steps of training; torch/training.cpp is the other side.
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/slice.hpp>
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
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

namespace bench {

namespace {

const nt::optim::AdamOptions adam{.lr = 1e-3};

Workload tiny_mlp() {
  namespace nn = nt::nn;
  const auto x = constant({32, 32}, 1);
  const auto target = constant({32, 1}, 2);
  const nn::Sequential model(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, 1));
  return training<nt::optim::Adam>(model, adam, [=](const nn::Sequential& f) { return nn::mse_loss(f(x), target); });
}

Workload mlp() {
  namespace nn = nt::nn;
  const auto x = constant({128, 784}, 1);
  const Tensor target = array({128}, labels(128, 10, 2));
  const nn::Sequential model(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
  return training<nt::optim::Adam>(model, adam,
                                   [=](const nn::Sequential& f) { return nn::cross_entropy(f(x), target); });
}

Workload cnn() {
  namespace nn = nt::nn;
  const auto x = constant({64, 1, 28, 28}, 1);
  const Tensor target = array({64}, labels(64, 10, 2));
  const nn::Sequential model(nn::Conv2d(1, 32, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                             nn::Conv2d(32, 64, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                             nn::Linear(64 * 7 * 7, 128), nn::ReLU(), nn::Linear(128, 10));
  return training<nt::optim::SGD>(model, nt::optim::SGDOptions{.lr = 0.01},
                                  [=](const nn::Sequential& f) { return nn::cross_entropy(f(x), target); });
}

/// A recurrent layer, whose last state is classified.
template <class Layer>
struct Recurrent : nt::nn::Module<Recurrent<Layer>> {
  Layer layer = this->add("layer", Layer(64, 128));
  nt::nn::Linear fc = this->add("fc", nt::nn::Linear(128, 10));
  Tensor forward(const Tensor& x) const { return fc(nt::select(layer(x).output, 0, -1)); }
};

template <class Layer>
Workload recurrent() {
  const auto x = constant({50, 32, 64}, 1);
  const Tensor target = array({32}, labels(32, 10, 2));
  return training<nt::optim::Adam>(Recurrent<Layer>(), adam,
                                   [=](const Recurrent<Layer>& f) { return nt::nn::cross_entropy(f(x), target); });
}

Workload transformer() {
  namespace nn = nt::nn;
  const auto x = constant({128, 8, 256}, 1);
  const auto target = constant({128, 8, 256}, 2);
  const nn::TransformerEncoderLayer layer(256, 8, {.dim_feedforward = 1024, .dropout = 0});
  return training<nt::optim::Adam>(layer, adam,
                                   [=](const nn::TransformerEncoderLayer& f) { return nn::mse_loss(f(x), target); });
}

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"mlp", mlp},
    {"cnn", cnn},
    {"lstm", recurrent<nt::nn::LSTM>},
    {"gru", recurrent<nt::nn::GRU>},
    {"transformer", transformer},
};

}  // namespace

}  // namespace bench
