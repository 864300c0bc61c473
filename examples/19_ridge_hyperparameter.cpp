// SPDX-License-Identifier: BSD-3-Clause
// A penalty tuned by the gradient of the validation loss, through the optimum of the training loss, by the implicit
// function theorem; compared with a grid search.
#include <newtape/newtape.hpp>
#include <newtape/optim/second_order/argmin.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;

int main() {
  // The progress of diabetes from ten measurements; 100 patients for training, the others for validation.
  const auto table = nt::data::diabetes();
  const auto [sigma, mu] = nt::std_mean(table.features(), 0, 0);
  const nt::Tensor features = (table.features() - mu) / sigma;
  const nt::Tensor progress = nt::Tensor(table.target()) / 100.0;
  const nt::Slice first(0, 100);
  const nt::Slice others(100, nt::none);
  const nt::Tensor x = features[first];
  const nt::Tensor y = progress[first];
  const nt::Tensor x_valid = features[others];
  const nt::Tensor y_valid = progress[others];

  // Weights [11], of which the last is the intercept, without penalty.
  const auto predict = [](const nt::Tensor& inputs, const nt::Tensor& w) {
    return nt::matmul(inputs, w[nt::Slice(0, 10)]) + w[10];
  };
  const auto training_loss = [&](const nt::Tensor& w, const nt::Tensor& log_penalty) {
    return nn::mse_loss(predict(x, w), y) + nt::exp(log_penalty) * nt::sum(nt::square(w[nt::Slice(0, 10)]));
  };
  int fits = 0;
  const auto validation_loss = [&](const nt::Tensor& log_penalty) {
    ++fits;
    const nt::Tensor w =
        optim::argmin(training_loss, nt::zeros({11}, nt::f64), log_penalty,
                      {.minimize = {.method = optim::newton(), .stop = {.gradient_tolerance = 1e-12}}});
    return nn::mse_loss(predict(x_valid, w), y_valid);
  };

  // The gradient through the optimum, compared with differences.
  const nt::Tensor start = nt::tensor(-4.0, nt::f64);
  const double by_theorem = nt::grad(validation_loss)(start).item();
  const double by_difference = (validation_loss(start + 1e-4).item() - validation_loss(start - 1e-4).item()) / 2e-4;
  fmt::print("slope of the validation loss at log penalty -4: {:.9f}, by differences {:.9f}\n\n", by_theorem,
             by_difference);

  fits = 0;
  const auto tuned = optim::minimize(validation_loss, start, {.stop = {.gradient_tolerance = 1e-8}});
  fmt::print("{}\n\n", tuned);
  const int by_gradient = fits;

  double best = INFINITY;
  double best_log = 0;
  fits = 0;
  for (int i = 0; i <= 100; ++i) {
    const double log_penalty = -8 + 0.1 * i;
    const double loss = validation_loss(nt::tensor(log_penalty, nt::f64)).item();
    if (loss < best) std::tie(best, best_log) = std::pair(loss, log_penalty);
  }
  fmt::print("by the gradient: penalty {:.5f}, validation loss {:.8f}, {} fits\n", std::exp(tuned.x().item()),
             tuned.value, by_gradient);
  fmt::print("by a grid:       penalty {:.5f}, validation loss {:.8f}, {} fits\n", std::exp(best_log), best, fits);
  return tuned.converged() && tuned.value <= best && std::abs(tuned.x().item() - best_log) < 0.1 &&
                 std::abs(by_theorem - by_difference) < 1e-6 && by_gradient < fits
             ? 0
             : 1;
}
