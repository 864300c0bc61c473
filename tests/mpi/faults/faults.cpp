// SPDX-License-Identifier: BSD-3-Clause
// A rank fails in the way that the argument names: all must end soon, with the message. Run by faults.cmake.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

namespace nt = newtape;

namespace {

void train(const std::string& fault) {
  const bool waits = fault == "sleep" || fault == "call";  // to the time-out
  const nt::mpi::Group world({.timeout = waits ? 2.0 : 4.0});
  const bool last = world.rank() == world.size() - 1;
  const nt::nn::Linear model(4, fault == "model" && last ? 2 : 3);
  nt::mpi::DataParallel parallel(model, world);
  nt::optim::SGD sgd(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  nt::Array x = nt::core::full({24, 4}, 1, nt::f32);
  const nt::Array y = nt::core::full({24, 3}, 1, nt::f32);
  if (fault == "nan" && last) x.data<float>()[4 * 23] = std::numeric_limits<float>::quiet_NaN();
  const int batches = fault == "batches" && last ? 2 : 4;
  for (int step = 0; step < batches; ++step) {
    if (fault == "drift" && last && step == 3) model.bias.set_value(nt::ones({3}));
    if (fault == "random" && last && step == 3) nt::manual_seed(17);
    if (fault == "moments" && world.rank() == 1 && step == 3) {
      auto state = sgd.state_dict();
      for (auto& [key, value] : state) {
        if (key.starts_with("state.0.m")) value = nt::core::full(value.shape(), 1, value.dtype());
      }
      sgd.load_state_dict(state);
    }
    if (step == 3 && (fault == "drift" || fault == "random" || fault == "moments")) parallel.check(&sgd);
    parallel.step(sgd, {x, y}, [&](const nt::Tensor& a, const nt::Tensor& b) {
      if (step == 2 && last) {
        if (fault == "throw" || fault == "caught") throw std::runtime_error("the data of this rank are spoilt");
        if (fault == "exit") std::exit(0);
        if (fault == "kill") std::raise(SIGKILL);
        if (fault == "sleep") std::this_thread::sleep_for(std::chrono::seconds(60));
        if (fault == "call") world.barrier();
      }
      return nt::nn::mse_loss(model(a), b);
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string fault = argc > 1 ? argv[1] : "";
  if (fault != "caught") {
    train(fault);
    return 0;
  }
  try {
    train(fault);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "main: %s\n", e.what());
    return 1;
  }
}
