// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/link.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace newtape::mpi::detail {
namespace {

std::atomic<double> link_latency{0};
std::atomic<double> link_seconds_per_byte{0};
double link_free = 0;  // guarded by the mutex of MPI

}  // namespace

double steady_seconds() noexcept {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void simulate_link(double latency_seconds, double bytes_per_second) noexcept {
  link_latency = latency_seconds;
  link_seconds_per_byte = bytes_per_second > 0 ? 1 / bytes_per_second : 0;
}

bool simulates_link() noexcept { return link_latency != 0 || link_seconds_per_byte != 0; }

double simulated_end(std::int64_t bytes) noexcept {
  const double latency = link_latency;
  const double per_byte = link_seconds_per_byte;
  if (latency == 0 && per_byte == 0) return 0;
  link_free = std::max(steady_seconds(), link_free) + latency + per_byte * static_cast<double>(bytes);
  return link_free;
}

}  // namespace newtape::mpi::detail
