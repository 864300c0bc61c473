// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/processors.hpp>

#include <newtape/core/runtime/platform.hpp>

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>

namespace newtape::mpi::detail {
ProcessorMask affinity() {
  ProcessorMask mask(max_processors, false);
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (std::size_t i = 0; i < max_processors && i < CPU_SETSIZE; ++i) mask[i] = CPU_ISSET(i, &set);
    return mask;
  }
#endif
  const auto available = static_cast<std::size_t>(platform::available_processors());
  std::fill_n(mask.begin(), std::min(max_processors, available), true);
  return mask;
}

int thread_share(std::span<const ProcessorMask> masks, std::size_t me, double quota) noexcept {
  double share = 0;
  for (std::size_t i = 0; i < masks[me].size(); ++i) {
    if (!masks[me][i]) continue;
    const auto users = std::count_if(masks.begin(), masks.end(), [&](const auto& mask) { return mask[i]; });
    share += 1 / static_cast<double>(users);
  }
  if (quota > 0) share = std::min(share, quota / static_cast<double>(masks.size()));
  // Sums of thirds are not exact.
  return std::max(1, static_cast<int>(std::floor(share + 1e-6)));
}

}  // namespace newtape::mpi::detail
