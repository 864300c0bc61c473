// SPDX-License-Identifier: BSD-3-Clause
// Steps of training; newtape/training.cpp is the other side.
#include "support.hpp"

namespace bench {

namespace {

const torch::optim::AdamOptions adam(1e-3);

Workload tiny_mlp() {
  namespace nn = torch::nn;
  const auto x = constant({32, 32}, 1);
  const auto target = constant({32, 1}, 2);
  const nn::Sequential model(nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, 1));
  return training<torch::optim::Adam>(model, adam,
                                      [=](nn::Sequential& f) { return torch::mse_loss(f->forward(x), target); });
}

Workload mlp() {
  namespace nn = torch::nn;
  const auto x = constant({128, 784}, 1);
  const auto target = torch::tensor(labels(128, 10, 2));
  const nn::Sequential model(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
  return training<torch::optim::Adam>(
      model, adam, [=](nn::Sequential& f) { return nn::functional::cross_entropy(f->forward(x), target); });
}

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"mlp", mlp},
};

}  // namespace

}  // namespace bench
