// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

struct MuonOptions {
  double lr = 0.02;
  double momentum = 0.95;
  bool nesterov = true;
  double weight_decay = 0;  ///< multiplies p by 1 - lr * weight_decay before each step
  double ns_steps = 5;      ///< Newton-Schulz iterations
};

extern template class OptimizerOf<MuonOptions>;
/// Muon (Jordan et al. 2024): the momentum of a matrix, made nearly orthogonal by Newton-Schulz iterations, times
/// sqrt(max(1, rows / columns)). Parameters of more axes are reshaped to [n, -1]; fewer axes are a ShapeError at the
/// first step.
class Muon : public OptimizerOf<MuonOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& slot) override;
  void check_step() const override;
};

}  // namespace newtape::optim
