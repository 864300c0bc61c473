// SPDX-License-Identifier: BSD-3-Clause
#include "../report.hpp"
#include "sections.hpp"

#include <newtape/newtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace bench {

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using nt::Tensor;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Friedman's first function (1991), standardised, of 10 inputs of which 5 count, without noise: more samples than
/// parameters, so that no method finds a network that goes through all of them with ease.
struct Problem {
  static constexpr std::int64_t samples = 500;

  Tensor x, y;
  nn::Sequential model{nn::Linear(10, 20), nt::tanh, nn::Linear(20, 10), nt::tanh, nn::Linear(10, 1)};
  std::vector<nt::Array> start;

  Problem() {
    nt::Generator random(1);
    x = nt::random::uniform({samples, 10}, 0, 1, nt::f64, random);
    const auto column = [&](int i) { return nt::select(x, 1, i); };
    y = 10.0 * nt::sin(std::numbers::pi * column(0) * column(1)) + 20.0 * nt::square(column(2) - 0.5) +
        10.0 * column(3) + 5.0 * column(4);
    const auto [deviation, average] = nt::std_mean(y);
    y = nt::unsqueeze((y - average) / deviation, 1);
    x = 2.0 * x - 1.0;
    nt::manual_seed(3);
    for (const auto& layer : model.named_modules()) layer.second.to(nt::f64);
    for (const auto& p : model.parameters()) {
      const double range = 1 / std::sqrt(static_cast<double>(p.shape().back()));
      p.set_value(nt::random::uniform(p.shape(), -range, range, nt::f64, random));
      start.push_back(p.value());
    }
  }
  void reset() const {
    const auto parameters = model.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].set_value(start[i]);
  }
  Tensor outputs() const { return model(x); }
  Tensor loss() const { return nn::mse_loss(outputs(), y); }
};

/// The least loss that Adam sees in so many seconds, its rate falling along a cosine from `lr`.
double adam(const Problem& p, double lr, double seconds, std::int64_t* steps) {
  p.reset();
  optim::Adam optimizer(p.model.parameters(), {.lr = lr});
  double best = INFINITY;
  const auto start = Clock::now();
  *steps = 0;
  for (double t = 0; t < seconds; t = since(start)) {
    optimizer.set_lr(lr * 0.5 * (1 + std::cos(std::numbers::pi * t / seconds)));
    for (int i = 0; i < 10; ++i, ++*steps) {
      optimizer.zero_grad();
      const Tensor loss = p.loss();
      loss.backward();
      optimizer.step();
      best = std::min(best, loss.item());
    }
  }
  return best;
}

/// A method's result, and what Adam comes to in a multiple of its time.
bool beside_adam(const Problem& p, const std::string& name, const optim::Result& result, double loss, double factor) {
  fmt::print("{:<22} loss {:.2e} after {} iterations in {} ({})\n", name, loss, result.iterations,
             time_text(result.seconds), result.message);
  // Adam's rate by short trials; then the one run that counts.
  const double budget = factor * result.seconds;
  double rate = 0;
  double least = INFINITY;
  std::int64_t steps = 0;
  for (const double lr : {3e-2, 1e-2, 3e-3}) {
    const double found = adam(p, lr, 0.03 * budget, &steps);
    if (found < least) std::tie(least, rate) = std::pair(found, lr);
  }
  const double found = adam(p, rate, budget, &steps);
  fmt::print("{:<22} loss {:.2e} after {} steps in {}, {:g} times as long (rate {:g}, falling along a cosine)\n",
             "Adam", found, steps, time_text(budget), factor, rate);
  return loss < found;
}

bool is_chosen(const std::string& name, const OptimOptions& options) {
  return options.methods.empty() || std::any_of(options.methods.begin(), options.methods.end(),
                                                [&](const auto& part) { return name.find(part) != std::string::npos; });
}

}  // namespace

bool network(const OptimOptions& options) {
  const Problem p;
  bool sound = true;
  fmt::print("10-20-10-1 with tanh, f64, mean squared error of a standardised target on {} samples\n\n",
             Problem::samples);
  for (const auto& method : chosen({optim::trust_region_newton(), optim::levenberg_marquardt()}, options)) {
    p.reset();
    optim::MinimizeOptions stop;
    stop.method = method;
    stop.max_iterations = 300;
    stop.max_seconds = 30;
    const auto loss = [&](const Tensor& outputs) { return nn::mse_loss(outputs, p.y); };
    const auto result = optim::minimize([&] { return p.outputs(); }, loss, p.model.parameters(), stop);
    sound = beside_adam(p, method.name, result, result.value, options.adam_factor) && sound;
  }
  if (is_chosen("least_squares", options)) {
    p.reset();
    const auto result = optim::least_squares([&] { return p.outputs() - p.y; }, p.model.parameters(),
                                             {.max_iterations = 50, .max_seconds = 30});
    const double loss = 2 * result.value / static_cast<double>(p.y.size());
    sound = beside_adam(p, "least_squares", result, loss, options.adam_factor) && sound;
  }
  return sound;
}

}  // namespace bench
