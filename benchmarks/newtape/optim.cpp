// SPDX-License-Identifier: BSD-3-Clause
// Steps of optimizers alone; torch/optim.cpp is the other side.
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sparse_adam.hpp>

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

// --- a large table, of which a batch reads few rows ---

constexpr std::int64_t table_rows = 1'000'000, table_width = 64, table_batch = 4096;

/// Rows all over the table, about one in a hundred of them twice.
nt::Array rows_of_batch() {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < table_batch; ++i) {
    rows.push_back(((i - (i % 97 == 0 ? i / 2 : 0)) * 2'654'435'761) % table_rows);
  }
  return array<std::int64_t>({table_batch}, rows);
}

Workload embedding(bool sparse) {
  const nt::Parameter table(filled({table_rows, table_width}, 10));
  const Tensor rows = rows_of_batch(), weights = constant({table_batch, table_width}, 1);
  std::shared_ptr<nt::optim::Optimizer> optimizer;
  if (sparse) {
    optimizer = std::make_shared<nt::optim::SparseAdam>(std::vector{table}, nt::optim::SparseAdamOptions{.lr = 1e-3});
  } else {
    optimizer = std::make_shared<nt::optim::Adam>(std::vector{table}, nt::optim::AdamOptions{.lr = 1e-3});
  }
  const auto step = [=] {
    optimizer->zero_grad();
    nt::sum(weights * nt::embedding(rows, table, {.sparse = sparse})).backward();
    optimizer->step();
  };
  return {step, [=](Fingerprint& print) {
            for (int i = 0; i < 3; ++i) step();
            add(print, "rows", nt::take(table.detach(), rows));
          }};
}
Workload sparse_embedding() { return embedding(true); }
Workload dense_embedding() { return embedding(false); }

const Workloads optimizers{{"adam_10m", adam_10m},
                           {"adam_10m_memory", adam_10m_memory},
                           {"embedding", sparse_embedding},
                           {"embedding_dense", dense_embedding}};

}  // namespace

}  // namespace bench
