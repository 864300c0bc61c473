// SPDX-License-Identifier: BSD-3-Clause
// Steps of optimizers alone; torch/optim.cpp is the other side.
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/optim/first_order/adam.hpp>

namespace bench {

namespace {

constexpr std::size_t tensors = 100;
constexpr std::int64_t elements = 100'000;  // of each

Workload adam_10m() {
  std::vector<nt::Parameter> parameters;
  for (std::size_t i = 0; i < tensors; ++i) {
    parameters.emplace_back(filled({elements}, 10 + i));
    parameters.back().set_grad(filled({elements}, 500 + i));
  }
  const auto adam = std::make_shared<nt::optim::Adam>(parameters, nt::optim::AdamOptions{.lr = 1e-3});
  const auto step = [adam] { adam->step(); };
  return {step, [=](Fingerprint& print) {
            for (int i = 0; i < 3; ++i) step();
            for (std::size_t i = 0; i < tensors; i += 33) add(print, "parameter_" + std::to_string(i), parameters[i]);
          }};
}

/// Reads four numbers and writes three, as Adam does, with next to no arithmetic.
Workload adam_10m_memory() {
  const auto all = [](std::uint64_t stream) {
    std::vector<nt::Array> arrays;
    for (std::size_t i = 0; i < tensors; ++i) arrays.push_back(filled({elements}, stream + i));
    return arrays;
  };
  struct Arrays {
    std::vector<nt::Array> p, g, m, v;
  };
  const auto arrays = std::make_shared<Arrays>(Arrays{all(10), all(500), all(1000), all(1500)});
  const auto step = [arrays] {
    nt::detail::parallel_for(static_cast<std::int64_t>(tensors), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        float* __restrict p = arrays->p[i].data<float>();
        const float* __restrict g = arrays->g[i].data<float>();
        float* __restrict m = arrays->m[i].data<float>();
        float* __restrict v = arrays->v[i].data<float>();
        for (std::int64_t j = 0; j < elements; ++j) {
          m[j] -= g[j];
          v[j] += g[j];
          p[j] += g[j];
        }
      }
    });
  };
  return {step, [=](Fingerprint& print) {
            step();
            add(print, "parameter_0", arrays->p[0]);
          }};
}

const Workloads optimizers{{"adam_10m", adam_10m}, {"adam_10m_memory", adam_10m_memory}};

}  // namespace

}  // namespace bench
