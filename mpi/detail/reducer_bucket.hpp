// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/detail/reducer.hpp>

namespace newtape::mpi::detail {

/// Gradients that travel together.
struct Reducer::Bucket {
  enum class State : std::uint8_t { filling, scattering, gathering, done };
  std::size_t index = 0;
  DType dtype = f32;
  DType wire = f32;
  std::int64_t size = 0;  ///< elements, flags among them
  std::size_t entries = 0;
  std::size_t pending = 0;  ///< entries that the last shard has not added
  State state = State::done;
  std::vector<Array> levels;
  std::vector<Array> incoming;             ///< my segment of the subtrees of all ranks in order; undefined for my own
  std::vector<Array> staged;               ///< my subtrees as they travel, when narrowed
  Array gathered;                          ///< the result as it travels, when narrowed
  Array shared;                            ///< the result in memory that ranks share; undefined when it is levels[0]
  std::vector<const std::byte*> subtrees;  ///< there, of all ranks in order
  std::vector<MPI_Request> requests;
  double start = 0, ready_at = 0;

  Array& result() noexcept { return shared.defined() ? shared : levels[0]; }
};

}  // namespace newtape::mpi::detail
