// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct SparseAdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
};

extern template class OptimizerOf<SparseAdamOptions>;
/// PyTorch's SparseAdam, a lazy Adam for large tables: of a gradient in rows (nn::Embedding with `sparse`) only those rows
/// of the table and of the moments are read and written, so that a step costs what the batch costs. The moments of the
/// other rows do not decay. As in PyTorch eps is not corrected for bias: p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m /
/// (sqrt(v) + eps). Parameters with a dense gradient are updated whole by the same formula.
class SparseAdam : public OptimizerOf<SparseAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  std::string rows_problem(const Slot&) const override { return {}; }
  void update(Slot& slot) override;
};

}  // namespace newtape::optim
