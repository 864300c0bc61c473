// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/group.hpp>
#include <newtape/nn/layers/norm.hpp>

namespace newtape::mpi {

/// BatchNorm whose statistics in training are those of the rows of all ranks, merged by the formula of Chan, Golub and
/// LeVeque (1983) in the order of ranks. Same parameters, buffers and options; differentiable to any order. All ranks
/// call it together, on any number of rows each: under DataParallel, with `shards = 0` for the statistics of the whole
/// batch.
struct SyncBatchNorm : nn::Module<SyncBatchNorm> {
  explicit SyncBatchNorm(std::int64_t num_features, const nn::BatchNormOptions& options = {},
                         const Group& group = Group());
  /// x [n, features, spatial..], with any number of spatial axes.
  Tensor forward(In x) const;

  std::int64_t num_features;
  nn::BatchNormOptions options;
  Group group;
  nn::Parameter weight, bias;
  nn::Buffer running_mean, running_var, num_batches_tracked;

 private:
  void track(const Tensor& mean, const Tensor& var, double count) const;
};

}  // namespace newtape::mpi
