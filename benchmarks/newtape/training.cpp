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

struct Cnn : nt::nn::Module<Cnn> {
  nt::Parameter w1 = add("w1", nt::Parameter(nt::zeros({32, 1, 3, 3})));
  nt::Parameter b1 = add("b1", nt::Parameter(nt::zeros({32})));
  nt::Parameter w2 = add("w2", nt::Parameter(nt::zeros({64, 32, 3, 3})));
  nt::Parameter b2 = add("b2", nt::Parameter(nt::zeros({64})));
  nt::nn::Linear fc1 = add("fc1", nt::nn::Linear(64 * 7 * 7, 128));
  nt::nn::Linear fc2 = add("fc2", nt::nn::Linear(128, 10));

  Tensor forward(nt::In x) const {
    const auto block = [](nt::In t, const nt::Parameter& w, const nt::Parameter& b) {
      return nt::max_pool2d(nt::relu(nt::conv2d(std::move(t), w, b, {.padding = 1})), 2);
    };
    const Tensor y = block(block(std::move(x), w1, b1), w2, b2);
    return fc2(nt::relu(fc1(nt::reshape(y, {y.shape(0), -1}))));
  }
};

Workload cnn() {
  const auto x = constant({64, 1, 28, 28}, 1);
  const Tensor target = array({64}, labels(64, 10, 2));
  return training<nt::optim::SGD>(Cnn(), nt::optim::SgdOptions{.lr = 0.01},
                                  [=](const Cnn& f) { return nt::nn::cross_entropy(f(x), target); });
}

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"mlp", mlp},
    {"cnn", cnn},
};

}  // namespace

}  // namespace bench
