// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace newtape::mpi::detail {

/// Makes every transfer of this process last as long as on a link of this latency and bandwidth, one after the other;
/// for measurements. 0 and 0: as long as it lasts.
void simulate_link(double latency_seconds, double bytes_per_second) noexcept;

/// Whether a link is simulated.
bool simulates_link() noexcept;

/// When a transfer that starts now ends on the simulated link; 0 without one. Called with the mutex of MPI.
double simulated_end(std::int64_t bytes) noexcept;

/// Seconds of the steady clock.
double steady_seconds() noexcept;

}  // namespace newtape::mpi::detail
