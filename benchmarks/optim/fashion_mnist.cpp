// SPDX-License-Identifier: BSD-3-Clause
#include "../report.hpp"
#include "sections.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/optimizer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace bench {

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using nt::Tensor;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t batch_size = 256;
constexpr int points = 10;  ///< of a curve

/// One optimizer: how it is made for a learning rate, which rates are tried, and how it steps.
struct Contestant {
  std::string name;
  std::vector<double> rates;
  std::function<std::unique_ptr<optim::Optimizer>(const std::vector<nt::Parameter>&, double lr)> make;
};

template <class O, class Options>
auto make(Options options) {
  return [options](const std::vector<nt::Parameter>& params, double lr) {
    Options mine = options;
    mine.lr = lr;
    return std::make_unique<O>(params, mine);
  };
}

std::vector<Contestant> contestants() {
  return {
      {"AdamW", {1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2}, make<optim::AdamW>(optim::AdamWOptions{.weight_decay = 0.01})},
      {"SGD, momentum 0.9", {0.05, 0.1, 0.2}, make<optim::SGD>(optim::SGDOptions{.momentum = 0.9})},
      {"K-FAC", {0.5, 1, 2}, make<optim::KFAC>(optim::KFACOptions{.weight_decay = 1e-4, .kl_clip = 1})},
      {"Shampoo",
       {0.02, 0.05, 0.1},
       make<optim::Shampoo>(optim::ShampooOptions{
           .momentum = 0.9, .beta2 = 0.95, .grafting = optim::Grafting::sgd, .update_interval = 20})},
      {"SOAP", {4e-3, 8e-3, 1.6e-2}, make<optim::SOAP>(optim::SOAPOptions{.precondition_interval = 20})},
  };
}

nn::Sequential network(bool convolutions) {
  nt::manual_seed(1);
  if (!convolutions) {
    return nn::Sequential(nn::Flatten(), nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 128), nn::ReLU(),
                          nn::Linear(128, 10));
  }
  const auto to_images = [](nt::In x) { return nt::unsqueeze(x, 1); };
  return nn::Sequential(to_images, nn::Conv2d(1, 8, 5, {.stride = 2}), nn::ReLU(), nn::Conv2d(8, 16, 3, {.stride = 2}),
                        nn::ReLU(), nn::Flatten(), nn::Linear(400, 64), nn::ReLU(), nn::Linear(64, 10));
}

/// What a run came to, at some points on the way.
struct Curve {
  double rate = 0;
  int steps = 0;
  std::vector<double> losses = {};   ///< of training, averaged over the steps since the last point
  std::vector<double> seconds = {};  ///< of steps alone, without looks at the test set
  double test_loss = 0;
  double accuracy = 0;
};

Curve train(const Contestant& who, double lr, bool convolutions, const nt::data::TrainTest& set, int steps) {
  steps = std::max(1, steps / points) * points;
  const nn::Sequential model = network(convolutions);
  const auto optimizer = who.make(model.parameters(), lr);
  auto* const kfac = dynamic_cast<optim::KFAC*>(optimizer.get());
  nt::data::Loader loader(set.train, {.batch_size = batch_size, .shuffle = true, .seed = 1, .drop_last = true});
  Curve curve{.rate = lr, .steps = steps};
  double sum = 0;
  int step = 0;
  const auto start = Clock::now();
  while (step < steps) {
    for (auto& [x, y] : loader) {
      if (step == steps) break;
      // A short warm-up, then a cosine down to nothing.
      const double done = static_cast<double>(step) / steps;
      const double warm = std::min(1.0, (step + 1) / (0.05 * steps));
      optimizer->set_lr(lr * warm * 0.5 * (1 + std::cos(std::numbers::pi * done)));
      const auto& labels = y;
      const auto loss = [&](const Tensor& outputs) { return nn::cross_entropy(outputs, labels); };
      if (kfac != nullptr) {
        const auto& images = x;
        sum += kfac->step([&] { return model(images); }, loss).item();
      } else {
        optimizer->zero_grad();
        const Tensor l = loss(model(x));
        l.backward();
        optimizer->step();
        sum += l.item();
      }
      if (++step * points % steps == 0) {
        curve.losses.push_back(sum * points / steps);
        curve.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
        sum = 0;
      }
    }
  }
  model.eval();
  const nt::NoGrad off;
  const auto& [x, y] = set.test.all();
  const Tensor outputs = model(x);
  curve.test_loss = nn::cross_entropy(outputs, y).item();
  curve.accuracy = nt::mean((nt::argmax(outputs, 1) == y).to(nt::f32)).item();
  return curve;
}

/// A curve that came to no finite numbers has no points.
Curve try_to_train(const Contestant& who, double lr, bool convolutions, const nt::data::TrainTest& set, int steps) {
  try {
    const Curve curve = train(who, lr, convolutions, set, steps);
    if (std::isfinite(curve.losses.back())) return curve;
  } catch (const nt::NumericalError&) {
  }
  return {.rate = lr, .steps = steps};
}
double last_loss(const Curve& curve) { return curve.losses.empty() ? INFINITY : curve.losses.back(); }

/// When the curve first was at `loss` or below, by step or by second; infinite when never.
template <class Axis>
double reached(const Curve& curve, double loss, const Axis& axis) {
  for (std::size_t i = 0; i < curve.losses.size(); ++i) {
    if (curve.losses[i] <= loss) return axis(i);
  }
  return INFINITY;
}

void compare(bool convolutions, const nt::data::TrainTest& set, int steps, int trial) {
  fmt::print("{}, batches of {}, {} steps; rates chosen by the loss at the end of {} steps\n\n",
             convolutions ? "convolutions 1-8-16, 64, 10" : "perceptron 784-256-128-10", batch_size, steps, trial);
  std::vector<std::pair<std::string, Curve>> curves;
  for (const auto& who : contestants()) {
    std::vector<std::pair<double, double>> trials;  // loss, rate
    fmt::print("{:<18} rates", who.name);
    for (const double lr : who.rates) {
      trials.emplace_back(last_loss(try_to_train(who, lr, convolutions, set, trial)), lr);
      fmt::print("  {:g}: {:.4f}", lr, trials.back().first);
    }
    fmt::print("\n");
    std::fflush(stdout);
    // The best rate of the trials; the next one where a longer run does not survive it.
    std::sort(trials.begin(), trials.end());
    Curve curve;
    for (std::size_t i = 0; i < trials.size() && curve.losses.empty(); ++i) {
      curve = try_to_train(who, trials[i].second, convolutions, set, steps);
    }
    if (!curve.losses.empty()) curves.emplace_back(who.name, curve);
  }
  // AdamW once more, in the time that K-FAC takes.
  const auto kfac = std::find_if(curves.begin(), curves.end(), [](const auto& c) { return c.first == "K-FAC"; });
  const Curve adamw = curves.front().second;
  if (kfac != curves.end()) {
    const double longer = kfac->second.seconds.back() / adamw.seconds.back();
    const int more = static_cast<int>(longer * steps);
    for (const double part : {1.0, 0.25}) {
      const Curve curve = try_to_train(contestants().front(), part * adamw.rate, convolutions, set, more);
      if (!curve.losses.empty()) curves.emplace_back(fmt::format("AdamW, {} steps", curve.steps), curve);
    }
  }
  fmt::print("\n{:<18} {:>6}  training loss, averaged over each tenth of the steps{:>24}  {:>6} {:>8}\n", "", "rate",
             "ms/step", "test", "accuracy");
  for (const auto& [name, c] : curves) {
    std::string losses;
    for (const double l : c.losses) losses += fmt::format(" {:.4f}", l);
    fmt::print("{:<18} {:>6g} {} {:>8.2f}  {:.4f} {:>7.2f}%\n", name, c.rate, losses, 1e3 * c.seconds.back() / c.steps,
               c.test_loss, 100 * c.accuracy);
  }
  const Curve& first = adamw;
  fmt::print("\nto the losses that {} had after each tenth: steps in per cent of its own, and seconds\n",
             curves.front().first);
  for (const auto& [name, c] : curves) {
    std::string line;
    for (std::size_t i = 0; i < first.losses.size(); ++i) {
      const Curve& mine = c;
      const double share = static_cast<double>(mine.steps) / first.steps;
      const double at = reached(mine, first.losses[i], [&](std::size_t k) {
        return share * static_cast<double>(k + 1) / static_cast<double>(i + 1);
      });
      const double seconds = reached(mine, first.losses[i], [&](std::size_t k) { return mine.seconds[k]; });
      line += std::isfinite(at) ? fmt::format(" {:>4.0f}% {:>5.1f}s", 100 * at, seconds) : fmt::format(" {:>12}", "-");
    }
    fmt::print("{:<18}{}\n", name, line);
  }
  fmt::print("\n");
}

}  // namespace

bool fashion_mnist(const OptimOptions& options) {
  nt::data::TrainTest set;
  try {
    set = nt::data::fashion_mnist();
  } catch (const nt::IoError& e) {
    fmt::print("left out: {}\n", e.what());
    return true;
  }
  compare(false, set, options.steps, options.steps / 2);
  compare(true, set, options.steps / 2, options.steps / 4);
  return true;
}

}  // namespace bench
