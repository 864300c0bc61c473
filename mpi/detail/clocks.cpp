// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/clocks.hpp>

#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/messages.hpp>

#include <limits>

namespace newtape::mpi::detail {

std::vector<ClockOffset> clock_offsets(const Group& group) {
  constexpr int rounds = 16;
  std::vector<ClockOffset> offsets(static_cast<std::size_t>(group.size()));
  for (int r = 1; r < group.size(); ++r) {
    auto& best = offsets[static_cast<std::size_t>(r)];
    best.round_trip = std::numeric_limits<double>::infinity();
    for (int i = 0; i < rounds; ++i) {
      double theirs = 0;
      const double sent = steady_seconds();
      send_bytes(group, &theirs, sizeof theirs, 0, r);
      theirs = steady_seconds();
      send_bytes(group, &theirs, sizeof theirs, r, 0);
      const double back = steady_seconds();
      if (group.rank() == 0 && back - sent < best.round_trip) best = {theirs - (sent + back) / 2, back - sent};
    }
  }
  broadcast_bytes(group, offsets.data(), static_cast<std::int64_t>(offsets.size() * sizeof(ClockOffset)), 0);
  return offsets;
}

}  // namespace newtape::mpi::detail
