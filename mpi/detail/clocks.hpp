// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/group.hpp>

#include <vector>

namespace newtape::mpi::detail {

/// By how much the steady clock of a rank is ahead of rank 0's, in seconds, and the round trip that tells so: the
/// difference is exact to half of it.
struct ClockOffset {
  double seconds = 0, round_trip = 0;
};

/// Of all ranks, on all of them; by messages between rank 0 and each (Cristian 1989).
std::vector<ClockOffset> clock_offsets(const Group& group);

}  // namespace newtape::mpi::detail
