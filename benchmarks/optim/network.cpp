// SPDX-License-Identifier: BSD-3-Clause
#include "../report.hpp"
#include "sections.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <tuple>

namespace bench {

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using nt::Tensor;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A smooth function of two among ten inputs, sin(2 x_0) exp(x_1), standardised; 600 samples, more than the network has
/// parameters, without noise.
struct Problem {
  Tensor x, y;
  nn::Sequential model{nn::Linear(10, 20), nt::tanh, nn::Linear(20, 10), nt::tanh, nn::Linear(10, 1)};
  std::vector<nt::Array> start;

  Problem() {
    nt::Generator random(1);
    x = nt::random::uniform({600, 10}, -1, 1, nt::f64, random);
    y = nt::sin(2.0 * nt::select(x, 1, 0)) * nt::exp(nt::select(x, 1, 1));
    const auto [deviation, average] = nt::std_mean(y);
    y = nt::unsqueeze((y - average) / deviation, 1);
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

/// The loss of a run, and beside it what Adam comes to in many times its time.
bool beside_adam(const Problem& p, const std::string& name, const optim::Result& result, double loss,
                 const OptimOptions& options) {
  fmt::print("{:<22} loss {:.2e} after {} iterations in {} ({})\n", name, loss, result.iterations,
             time_text(result.seconds), result.message);
  std::fflush(stdout);
  // Adam's rate by short trials; then the one run that counts.
  const double budget = options.adam_factor * result.seconds;
  double rate = 0;
  double least = INFINITY;
  std::int64_t steps = 0;
  for (const double lr : {3e-2, 1e-2, 3e-3}) {
    const double found = adam(p, lr, 0.03 * budget, &steps);
    if (found < least) std::tie(least, rate) = std::pair(found, lr);
  }
  const double found = adam(p, rate, budget, &steps);
  fmt::print("{:<22} loss {:.2e} after {} steps in {}, {:g} times as long (rate {:g}, falling along a cosine)\n",
             "Adam", found, steps, time_text(budget), options.adam_factor, rate);
  std::fflush(stdout);
  return loss < found;
}

}  // namespace

bool network(const OptimOptions& options) {
  const Problem p;
  bool sound = true;
  const auto wanted = [&](const std::string& name) {
    optim::Method method;
    method.name = name;
    return !chosen({method}, options).empty();
  };
  fmt::print("10-20-10-1 with tanh, f64, mean squared error of a standardised target on {} samples\n\n", p.x.shape(0));
  if (wanted("Levenberg-Marquardt")) {
    p.reset();
    const auto result =
        optim::least_squares([&] { return p.outputs() - p.y; }, p.model.parameters(), {.stop = {.max_iterations = 70}});
    sound = beside_adam(p, "Levenberg-Marquardt", result, p.loss().item(), options) && sound;
  }
  // By products with the Hessian: eigenvalues of 441 x 441 at each point would take most of the time.
  if (wanted("trust-region Newton-CG")) {
    p.reset();
    const auto result = optim::minimize([&] { return p.loss(); }, p.model.parameters(),
                                        {.method = optim::trust_region_newton_cg(), .stop = {.max_iterations = 300}});
    sound = beside_adam(p, "trust-region Newton-CG", result, result.value, options) && sound;
  }
  return sound;
}

}  // namespace bench
