// SPDX-License-Identifier: BSD-3-Clause
// Steps of training; torch/training.cpp is the other side.
#include "support.hpp"

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

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"mlp", mlp},
};

}  // namespace

}  // namespace bench
