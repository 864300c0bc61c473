// SPDX-License-Identifier: BSD-3-Clause
// Steps of optimizers alone; newtape/optim.cpp is the other side.
#include "support.hpp"

namespace bench {

namespace {

Workload adam_10m() {
  std::vector<Tensor> parameters;
  for (std::uint64_t i = 0; i < 100; ++i) {
    parameters.push_back(variable({100'000}, 10 + i));
    parameters.back().mutable_grad() = constant({100'000}, 500 + i);
  }
  const auto adam = std::make_shared<torch::optim::Adam>(parameters, torch::optim::AdamOptions(1e-3));
  const auto step = [adam] { adam->step(); };
  return {step, [=](Fingerprint& print) {
            for (int i = 0; i < 3; ++i) step();
            for (std::size_t i = 0; i < 100; i += 33) add(print, "parameter_" + std::to_string(i), parameters[i]);
          }};
}

const Workloads optimizers{{"adam_10m", adam_10m}};

}  // namespace

}  // namespace bench
