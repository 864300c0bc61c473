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

// --- a large table, of which a batch reads few rows ---

constexpr std::int64_t table_rows = 1'000'000, table_width = 64, table_batch = 4096;

Tensor rows_of_batch() {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < table_batch; ++i) {
    rows.push_back(((i - (i % 97 == 0 ? i / 2 : 0)) * 2'654'435'761) % table_rows);
  }
  return torch::tensor(rows, torch::kLong);
}

/// SparseAdam of torch.optim, which is not in LibTorch: the same formula, with the rows read and written by index, which is
/// faster than sparse_mask and the addition of sparse tensors.
struct SparseAdam {
  Tensor table, exp_avg, exp_avg_sq;
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  int steps = 0;

  void step() {
    const torch::NoGradGuard no_grad;
    ++steps;
    const Tensor grad = table.grad().coalesce();
    const Tensor rows = grad.indices()[0];
    const Tensor values = grad.values();
    const Tensor m = exp_avg.index_select(0, rows).mul_(beta1).add_(values, 1 - beta1);
    const Tensor v = exp_avg_sq.index_select(0, rows).mul_(beta2).addcmul_(values, values, 1 - beta2);
    exp_avg.index_copy_(0, rows, m);
    exp_avg_sq.index_copy_(0, rows, v);
    const double size = lr * std::sqrt(1 - std::pow(beta2, steps)) / (1 - std::pow(beta1, steps));
    table.index_add_(0, rows, m / v.sqrt().add_(eps), -size);
  }
};

Workload embedding() {
  const Tensor table = variable({table_rows, table_width}, 10);
  const Tensor rows = rows_of_batch(), weights = constant({table_batch, table_width}, 1);
  const auto adam = std::make_shared<SparseAdam>();
  adam->table = table;
  adam->exp_avg = torch::zeros_like(table);
  adam->exp_avg_sq = torch::zeros_like(table);
  const auto step = [=] {
    table.mutable_grad().reset();
    (weights * torch::embedding(table, rows, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false, /*sparse=*/true))
        .sum()
        .backward();
    adam->step();
  };
  return {step, [=](Fingerprint& print) {
            for (int i = 0; i < 3; ++i) step();
            add(print, "rows", table.index_select(0, rows));
          }};
}

Workload embedding_dense() {
  const Tensor table = variable({table_rows, table_width}, 10);
  const Tensor rows = rows_of_batch(), weights = constant({table_batch, table_width}, 1);
  const auto adam = std::make_shared<torch::optim::Adam>(std::vector<Tensor>{table}, torch::optim::AdamOptions(1e-3));
  const auto step = [=] {
    table.mutable_grad().reset();
    (weights * torch::embedding(table, rows)).sum().backward();
    adam->step();
  };
  return {step, [=](Fingerprint& print) {
            for (int i = 0; i < 3; ++i) step();
            add(print, "rows", table.index_select(0, rows));
          }};
}

const Workloads optimizers{{"adam_10m", adam_10m}, {"embedding", embedding}, {"embedding_dense", embedding_dense}};

}  // namespace

}  // namespace bench
