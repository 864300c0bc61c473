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

Workload cnn() {
  namespace nn = torch::nn;
  const auto x = constant({64, 1, 28, 28}, 1);
  const auto target = torch::tensor(labels(64, 10, 2));
  const nn::Sequential model(nn::Conv2d(nn::Conv2dOptions(1, 32, 3).padding(1)), nn::ReLU(), nn::MaxPool2d(2),
                             nn::Conv2d(nn::Conv2dOptions(32, 64, 3).padding(1)), nn::ReLU(), nn::MaxPool2d(2),
                             nn::Flatten(), nn::Linear(64 * 7 * 7, 128), nn::ReLU(), nn::Linear(128, 10));
  return training<torch::optim::SGD>(model, torch::optim::SGDOptions(0.01), [=](nn::Sequential& f) {
    return nn::functional::cross_entropy(f->forward(x), target);
  });
}

/// Poisson's equation: the columns of the gradient are differentiated one after the other.
Workload pinn() {
  namespace nn = torch::nn;
  using torch::autograd::grad;
  const auto x = constant({256, 2}, 1).requires_grad_();
  const auto target = constant({256}, 2);
  const nn::Sequential model(nn::Linear(2, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(), nn::Linear(32, 32),
                             nn::Tanh(), nn::Linear(32, 1));
  const Workload all = training<torch::optim::Adam>(model, adam, [=](nn::Sequential& f) {
    const auto first = grad({f->forward(x).sum()}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
    const auto second = [&](std::int64_t axis) {
      return grad({first.select(1, axis).sum()}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0].select(1,
                                                                                                                  axis);
    };
    return torch::mse_loss(second(0) + second(1), target);
  });
  // The last bias has no gradient.
  return {all.step, [parameters = model->parameters(), step = all.step](Fingerprint& print) {
            step();
            for (std::size_t i = 0; i + 1 < parameters.size(); ++i) {
              add(print, "gradient_" + std::to_string(i), parameters[i].grad());
            }
          }};
}

/// A recurrent layer, whose last state is classified.
template <class Layer>
struct RecurrentImpl : torch::nn::Module {
  Layer layer = register_module("layer", Layer(64, 128));
  torch::nn::Linear fc = register_module("fc", torch::nn::Linear(128, 10));
  Tensor forward(const Tensor& x) { return fc(std::get<0>(layer(x)).select(0, -1)); }
};

template <class Layer>
Workload recurrent() {
  using Model = torch::nn::ModuleHolder<RecurrentImpl<Layer>>;
  const auto x = constant({50, 32, 64}, 1);
  const auto target = torch::tensor(labels(32, 10, 2));
  return training<torch::optim::Adam>(
      Model(), adam, [=](Model& f) { return torch::nn::functional::cross_entropy(f->forward(x), target); });
}

Workload transformer() {
  namespace nn = torch::nn;
  const auto x = constant({128, 8, 256}, 1);
  const auto target = constant({128, 8, 256}, 2);
  const nn::TransformerEncoderLayer layer(nn::TransformerEncoderLayerOptions(256, 8).dim_feedforward(1024).dropout(0));
  return training<torch::optim::Adam>(
      layer, adam, [=](nn::TransformerEncoderLayer& f) { return torch::mse_loss(f->forward(x), target); });
}

const Workloads trainings{
    {"tiny_mlp", tiny_mlp},
    {"pinn", pinn},
    {"mlp", mlp},
    {"cnn", cnn},
    {"lstm", recurrent<torch::nn::LSTM>},
    {"gru", recurrent<torch::nn::GRU>},
    {"transformer", transformer},
};

}  // namespace

}  // namespace bench
