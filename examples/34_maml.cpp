// SPDX-License-Identifier: BSD-3-Clause
// Model-agnostic meta-learning (Finn et al. 2017) on sine waves: initial weights from which one gradient step on ten
// points fits a new wave. The outer gradient goes through the inner step, so it holds second derivatives.
#include <newtape/newtape.hpp>

#include <numbers>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;

/// A sine of random amplitude and phase.
struct Wave {
  double amplitude = nt::random::uniform({}, 0.1, 5).item();
  double phase = nt::random::uniform({}, 0, std::numbers::pi).item();

  nt::Tensor operator()(const nt::Tensor& x) const { return amplitude * nt::sin(x + phase); }
};

nt::Tensor points(std::int64_t n) { return 10 * nt::rand({n, 1}) - 5; }

/// The weights after `steps` steps of gradient descent on the points x, y, as a function of `weights`.
std::vector<nt::Tensor> adapt(const nn::Sequential& model, std::vector<nt::Tensor> weights, const nt::Tensor& x,
                              const nt::Tensor& y, int steps) {
  optim::SGDState state;
  for (int i = 0; i < steps; ++i) {
    const nt::Tensor loss = nn::mse_loss(nn::functional_call(model, weights, x), y);
    const auto gradients = nt::grad(loss, weights, {.create_graph = true});
    std::tie(weights, state) = optim::sgd_update(weights, gradients, std::move(state), {.lr = 0.01});
  }
  return weights;
}

std::vector<nt::Tensor> weights_of(const nn::Sequential& model) {
  std::vector<nt::Tensor> weights;
  for (const auto& p : model.parameters()) weights.push_back(p.tensor());
  return weights;
}

/// The mean error on 100 new waves after `steps` steps on ten points of each.
double error_after(const nn::Sequential& model, int steps) {
  double sum = 0;
  for (int task = 0; task < 100; ++task) {
    const Wave wave;
    const nt::Tensor x = points(10);
    const auto weights = adapt(model, weights_of(model), x, wave(x), steps);
    const nt::Tensor unseen = points(100);
    sum += nn::mse_loss(nn::functional_call(model, weights, unseen), wave(unseen)).item() / 100;
  }
  return sum;
}

nn::Sequential train(bool meta, int updates) {
  nt::manual_seed(1);
  const nn::Sequential model(nn::Linear(1, 40), nn::ReLU(), nn::Linear(40, 40), nn::ReLU(), nn::Linear(40, 1));
  optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
  for (int update = 0; update < updates; ++update) {
    optimizer.step([&] {
      nt::Tensor sum = nt::tensor(0.0F);
      for (int task = 0; task < 8; ++task) {
        const Wave wave;
        const nt::Tensor x = points(10);
        const nt::Tensor asked = points(10);
        const auto weights = adapt(model, weights_of(model), x, wave(x), meta ? 1 : 0);
        sum += nn::mse_loss(nn::functional_call(model, weights, asked), wave(asked));
      }
      return sum / 8;
    });
  }
  return model;
}

int main() {
  constexpr int updates = 1500;
  const auto learned = train(true, updates);
  const auto plain = train(false, updates);
  fmt::print("mean squared error on new waves, after steps on ten points of each:\n");
  fmt::print("{:<46} {:>7} {:>7} {:>7}\n", "initial weights", "0 steps", "1", "5");
  double error[2] = {};
  for (const bool meta : {false, true}) {
    const auto& model = meta ? learned : plain;
    const double five = error[meta] = error_after(model, 5);
    fmt::print("{:<46} {:7.3f} {:7.3f} {:7.3f}\n", meta ? "MAML" : "trained on the same waves, without adaptation",
               error_after(model, 0), error_after(model, 1), five);
  }
  fmt::print(
      "Trained on all waves at once a network learns their mean, which helps with none; MAML's initial weights\n"
      "know that they are sines, and {:.0f} % of the error goes.\n",
      100 * (1 - error[1] / error[0]));
  return error[1] < 0.5 * error[0] ? 0 : 1;
}
