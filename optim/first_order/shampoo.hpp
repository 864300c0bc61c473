// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/optimizer.hpp>

namespace newtape::optim {

/// The norm that a step of Shampoo is scaled to: its own, the gradient's, or that of Adagrad's step.
enum class Grafting { none, sgd, adagrad };

struct ShampooOptions {
  double lr = 0.1;
  double momentum = 0;                 ///< of the steps
  double beta2 = 1;                    ///< decay of the averages of gradient products; 1: their sums
  double eps = 1e-4;                   ///< multiple of the identity added to them
  double weight_decay = 0;             ///< adds weight_decay * p to the gradient
  Grafting grafting = Grafting::none;  ///< Anil et al. 2020
  std::int64_t block_size = 256;       ///< longer axes are split into blocks, each with its own preconditioners
  /// Steps between computations of the roots. Combine values above 1 with grafting: outdated roots amplify new
  /// directions.
  std::int64_t update_interval = 1;
};

extern template class OptimizerOf<ShampooOptions>;
/// Shampoo (Gupta, Koren & Singer 2018, algorithms 1 and 2): multiplies a gradient along each of its k axes by (eps I +
/// sum G G^T)^(-1/2k). Blocks, intervals, grafting, and diagonal Adagrad for parameters of one axis (axes of length 1
/// do not count) follow Anil et al. (2020). NumericalError for gradients that are not finite.
class Shampoo : public OptimizerOf<ShampooOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override;
  Shape moment_shape(const Slot& slot, std::size_t k) const override;
  void update(Slot& slot) override;
  void check_step() const override { expect_finite_gradients(); }
};

struct SOAPOptions {
  double lr = 3e-3;
  std::pair<double, double> betas = {0.95, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.01;               ///< multiplies p by 1 - lr * weight_decay before each step
  double shampoo_beta = -1;                 ///< decay of the products of gradients; negative: betas.second
  std::int64_t precondition_interval = 10;  ///< steps between updates of the bases
  std::int64_t max_precond_dim = 1024;      ///< longer axes are not rotated
};

extern template class OptimizerOf<SOAPOptions>;
/// SOAP (Vyas et al. 2024, algorithms 3 and 4): Adam in the eigenbasis of Shampoo's preconditioners, which a step of
/// power iteration with QR updates. The first step only initialises the basis, as in the authors' code. Parameters of
/// one axis (axes of length 1 do not count) are trained by AdamW. NumericalError for gradients that are not finite.
class SOAP : public OptimizerOf<SOAPOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  bool keeps(const Slot& slot, std::size_t k) const override;
  Shape moment_shape(const Slot& slot, std::size_t k) const override;
  void update(Slot& slot) override;
  void check_step() const override { expect_finite_gradients(); }
};

}  // namespace newtape::optim
