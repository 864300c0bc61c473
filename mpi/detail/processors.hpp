// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace newtape::mpi::detail {

/// The processors that a rank may run on: masks[i] tells whether it is number i.
using ProcessorMask = std::vector<bool>;

/// How many threads rank `me` of a machine's ranks runs, so that all of them together run no more than there are
/// processors: each processor is divided evenly among the ranks that may use it, and so is the machine's `quota` of
/// processor time (0: none) among all ranks. At least 1.
int thread_share(std::span<const ProcessorMask> masks, std::size_t me, double quota) noexcept;

/// Of this process: `max_processors` flags. Where the system does not say, the first that are available.
ProcessorMask affinity();
inline constexpr std::size_t max_processors = 1024;

}  // namespace newtape::mpi::detail
