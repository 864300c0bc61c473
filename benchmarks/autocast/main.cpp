// SPDX-License-Identifier: BSD-3-Clause
// What Autocast saves: products and steps of training in f32 and in mixed precision, in turns.
#include "../newtape/problems.hpp"

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace {

namespace nt = newtape;
namespace problems = bench::problems;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The least seconds of 25 calls of f in f32 and in mixed precision.
void measure(const std::string& name, const std::function<void()>& f) {
  double least[2] = {1e9, 1e9};
  for (int round = 0; round < 25; ++round) {
    for (const bool mixed : {false, true}) {
      const nt::Autocast scope(mixed);
      const double start = now();
      f();
      least[mixed ? 1 : 0] = std::min(least[mixed ? 1 : 0], now() - start);
    }
  }
  fmt::print("{:<40} {:>10.1f} {:>10.1f} {:>7.2f}\n", name, 1e6 * least[0], 1e6 * least[1], least[0] / least[1]);
  std::fflush(stdout);
}

/// A step of Adam.
template <class Model, class Loss>
std::function<void()> step(const Model& model, const problems::Batch& batch, Loss loss) {
  const auto adam = std::make_shared<nt::optim::Adam>(model.parameters(), nt::optim::AdamOptions{.lr = 1e-4});
  return [=] {
    adam->zero_grad();
    const nt::Tensor y = loss(model(batch.x), batch.target);
    y.backward();
    adam->step();
  };
}

nt::nn::Sequential wide_mlp() {
  namespace nn = nt::nn;
  return nn::Sequential(nn::Linear(1024, 1024), nn::ReLU(), nn::Linear(1024, 1024), nn::ReLU(), nn::Linear(1024, 1024),
                        nn::ReLU(), nn::Linear(1024, 10));
}
problems::Batch wide_mlp_batch() {
  return {bench::constant({256, 1024}, 1), bench::array({256}, bench::labels(256, 10, 2))};
}

std::function<void()> product(std::int64_t n, std::int64_t m, std::int64_t k) {
  return [x = nt::randn({n, k}), w = nt::randn({m, k}), b = nt::randn({m})] { static_cast<void>(nt::linear(x, w, b)); };
}

}  // namespace

int main(int argc, char** argv) {
  nt::set_num_threads(argc > 1 ? std::stoi(argv[1]) : 1);
  if (!nt::Autocast::available()) {
    fmt::print("Autocast has no effect here: it needs oneDNN and a processor with dot products of bf16.\n");
    return 0;
  }
  fmt::print("{:<40} {:>10} {:>10} {:>7}\n", "", "f32, us", "mixed, us", "ratio");
  measure("linear 128 x 784 -> 512", product(128, 512, 784));
  measure("linear 512 x 512 -> 512", product(512, 512, 512));
  measure("linear 256 x 1024 -> 1024", product(256, 1024, 1024));
  measure("linear 1024 x 256 -> 1024", product(1024, 1024, 256));
  measure("mlp 784-512-512-10, batch 128, Adam",
          step(problems::mlp(), problems::mlp_batch(),
               [](const auto& y, const auto& t) { return nt::nn::cross_entropy(y, t); }));
  measure("mlp 1024-1024-1024-1024-10, batch 256, Adam",
          step(wide_mlp(), wide_mlp_batch(), [](const auto& y, const auto& t) { return nt::nn::cross_entropy(y, t); }));
  measure("transformer layer 256, 128 x 8, Adam",
          step(problems::transformer(), problems::transformer_batch(),
               [](const auto& y, const auto& t) { return nt::nn::mse_loss(y, t); }));
  return 0;
}
