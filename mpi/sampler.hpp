// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/sampler.hpp>
#include <newtape/mpi/group.hpp>

#include <cstdint>

namespace newtape::mpi {

struct SamplerOptions {
  std::int64_t batch_size = 0;  ///< of all ranks together; a multiple of the ranks
  bool shuffle = true;          ///< a new order each epoch, that of a single process with this seed
  bool drop_last = false;       ///< leaves out the last examples that fill no batch; else they are divided as evenly as
                                ///< they go, and left out only where they are fewer than the ranks
};

/// The examples of this rank among 0, ..., examples - 1: of each global batch, the rows that DataParallel with
/// `local_batches` gives to this rank's shards. Parts of different ranks are disjoint; together and in the order of
/// ranks they are the batches of one process, for any number of ranks.
///
///     data::Loader loader(set, {.batch_size = 96 / world.size(), .seed = 1,
///                               .sampler = mpi::sampler(set.size(), {.batch_size = 96}, world)});
///
/// ValueError for no examples, or a batch that the ranks do not divide.
data::Sampler sampler(std::int64_t examples, const SamplerOptions& options, const Group& group,
                      SourceLocation at = SourceLocation::current());

}  // namespace newtape::mpi
