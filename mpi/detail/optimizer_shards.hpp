// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/group.hpp>
#include <newtape/optim/optimizer.hpp>

#include <vector>

namespace newtape::mpi::detail {

/// An optimizer whose state is divided among the ranks by parameters (ZeRO 1: Rajbhandari et al. 2020): a rank updates
/// those that it owns, from the mean gradients that all have, and sends them to all. Only the owner has their state, as
/// an optimizer allocates it for parameters with a gradient. The largest parameters are dealt out first, each to the rank
/// that has the fewest elements.
class OptimizerShards {
 public:
  explicit OptimizerShards(const Group& group) : group_(group) {}

  /// A step of `optimizer`, on all ranks. ValueError for one whose state is not that of single parameters.
  void step(optim::Optimizer& optimizer);
  /// Options, and the state of this rank's parameters.
  optim::StateDict own(const optim::Optimizer& optimizer) const;
  /// The state of all ranks, on all of them, as of an optimizer in one process.
  optim::StateDict gathered(const optim::Optimizer& optimizer) const;
  /// Takes this rank's part of the state of all.
  void load(optim::Optimizer& optimizer, const optim::StateDict& state) const;

 private:
  std::vector<int> owners(const std::vector<Parameter>& params) const;
  optim::StateDict filtered(const optim::StateDict& state, const std::vector<int>& owners) const;
  void adopt(optim::Optimizer& optimizer);
  void send(const std::vector<Parameter>& params, const std::vector<int>& owners) const;

  Group group_;
  const optim::Optimizer* adopted_ = nullptr;  ///< only compared
};

}  // namespace newtape::mpi::detail
