// SPDX-License-Identifier: BSD-3-Clause
// Steps of training; torch/training.cpp is the other side.
#include "problems.hpp"

#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

namespace bench {

namespace {

const nt::optim::AdamOptions adam{.lr = 1e-3};

Workload tiny_mlp() {
  return training<nt::optim::Adam>(problems::tiny_mlp(), adam, [b = problems::tiny_mlp_batch()](const auto& f) {
    return nt::nn::mse_loss(f(b.x), b.target);
  });
}

Workload mlp() {
  return training<nt::optim::Adam>(problems::mlp(), adam, [b = problems::mlp_batch()](const auto& f) {
    return nt::nn::cross_entropy(f(b.x), b.target);
  });
}

Workload cnn() {
  return training<nt::optim::SGD>(
      problems::cnn(), nt::optim::SGDOptions{.lr = 0.01},
      [b = problems::cnn_batch()](const auto& f) { return nt::nn::cross_entropy(f(b.x), b.target); });
}

Workload pinn() {
  const auto model = problems::pinn();
  const Workload all = training<nt::optim::Adam>(model, adam, [b = problems::pinn_batch()](const auto& f) {
    return nt::nn::mse_loss(nt::laplacian(problems::pinn_value(f), b.x), b.target);
  });
  // The last bias has no gradient.
  return {all.step, [parameters = model.parameters(), step = all.step](Fingerprint& print) {
            step();
            for (std::size_t i = 0; i + 1 < parameters.size(); ++i) {
              add(print, "gradient_" + std::to_string(i), parameters[i].grad());
            }
          }};
}

template <class Layer>
Workload recurrent() {
  const auto x = constant({50, 32, 64}, 1);
  const Tensor target = array({32}, labels(32, 10, 2));
  return training<nt::optim::Adam>(problems::Recurrent<Layer>(64, 128), adam,
                                   [=](const auto& f) { return nt::nn::cross_entropy(f(x), target); });
}

Workload transformer() {
  return training<nt::optim::Adam>(problems::transformer(), adam, [b = problems::transformer_batch()](const auto& f) {
    return nt::nn::mse_loss(f(b.x), b.target);
  });
}

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"pinn", pinn},
    {"mlp", mlp},
    {"cnn", cnn},
    {"lstm", recurrent<nt::nn::LSTM>},
    {"gru", recurrent<nt::nn::GRU>},
    {"transformer", transformer},
};

}  // namespace

}  // namespace bench
