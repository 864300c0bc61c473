// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/group.hpp>

#include <memory>

namespace newtape::mpi {

/// While it exists, steps of optim::KFAC on this thread are those of all ranks, each on rows of its own:
///
///     const mpi::SharedSteps shared(world);
///     kfac.step([&] { return model(my_x); }, [&](const Tensor& y) { return nn::cross_entropy(y, my_labels); });
///
/// Gradients, the loss and the Kronecker factors are means over the rows of all ranks, which have equal parameters before
/// and after; each layer's factors are inverted by one rank and sent to all. The loss is a mean over rows. Steps on a loss
/// alone weigh the ranks equally. All ranks step together; NumericalError on all. Other optimizers do not know of it: they
/// are stepped by DataParallel, or on sums over ranks (`summed`, `gathered`).
class SharedSteps {
 public:
  explicit SharedSteps(const Group& group);
  SharedSteps(const SharedSteps&) = delete;
  SharedSteps& operator=(const SharedSteps&) = delete;
  ~SharedSteps();

 private:
  class Ranks;
  struct Scope;
  std::unique_ptr<Ranks> ranks_;
  std::unique_ptr<Scope> scope_;
};

}  // namespace newtape::mpi
