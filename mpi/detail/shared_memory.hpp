// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/detail/comm.hpp>

#include <cstddef>
#include <memory>

namespace newtape::mpi::detail {

/// Whether the ranks of a group are on one machine, and more than one.
inline bool can_share_memory(const Comm& comm) noexcept { return comm.size > 1 && comm.local_size == comm.size; }

/// `bytes` of zeros that all ranks of a group on one machine read and write (a window of MPI); null on all ranks where the
/// system has none left. All ranks call it. The memory is given back in a later call, when no rank uses it any longer.
std::shared_ptr<std::byte> allocate_shared(Comm& comm, std::size_t bytes);

/// Keeps a reference to an array in shared memory for as long as others refer to it: so it is never theirs alone, to be
/// overwritten in place, which all ranks would see.
void keep_while_used(const Array& x);

/// Gives back the windows of a group that no rank uses any longer, or all of them. All ranks call it.
void free_windows(Comm& comm, bool all);

}  // namespace newtape::mpi::detail
