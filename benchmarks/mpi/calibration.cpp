// SPDX-License-Identifier: BSD-3-Clause
#include "calibration.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/messages.hpp>
#include <newtape/mpi/detail/reducer.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace bench {
namespace {

namespace nt = newtape;
namespace mpi = nt::mpi;

constexpr int repetitions = 21;

/// Seconds of f on the slower rank, the median.
template <class F>
double median_seconds(const mpi::Group& group, const F& f) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    group.barrier();
    const double start = mpi::detail::steady_seconds();
    f();
    const double mine = mpi::detail::steady_seconds() - start;
    times.push_back(group.all_reduce(nt::core::full({}, mine, nt::f64), mpi::ReduceOp::max).item());
  }
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[repetitions / 2];
}

double there_and_back(const mpi::Group& group, std::int64_t bytes) {
  std::vector<std::byte> memory(static_cast<std::size_t>(bytes));
  return median_seconds(group, [&] {
    mpi::detail::send_bytes(group, memory.data(), bytes, 0, 1);
    mpi::detail::send_bytes(group, memory.data(), bytes, 1, 0);
  });
}

/// A bucket of this size, from when its gradient is there.
double reduction(const mpi::Group& group, std::int64_t bytes) {
  const nt::Array x = nt::core::full({bytes / 4}, 1, nt::f32);
  mpi::detail::Reducer reducer(group.comm(), {.shards = 2, .shared = false}, {{nt::f32, bytes / 4, 0}});
  return median_seconds(group, [&] {
    reducer.begin(true, true, false);
    reducer.begin_shard(1);
    reducer.add(0, x);
    reducer.end_shard();
    reducer.finish({});
  });
}

}  // namespace

std::pair<double, double> fit_line(const std::vector<std::pair<double, double>>& points) {
  double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
  for (const auto& [x, y] : points) {
    const double weight = 1 / (y * y);
    w += weight, wx += weight * x, wxx += weight * x * x, wy += weight * y, wxy += weight * x * y;
  }
  const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return {(wy - slope * wx) / w, slope};
}

Link calibrate() {
  const mpi::Group group;
  if (group.size() != 2) throw std::runtime_error("calibration needs two ranks");
  std::vector<std::pair<double, double>> messages, sums;
  for (std::int64_t bytes = 64; bytes <= 1 << 24; bytes *= 8) {
    messages.emplace_back(static_cast<double>(bytes), there_and_back(group, bytes) / 2);
  }
  const auto [latency, per_byte] = fit_line(messages);
  for (std::int64_t bytes = 1 << 16; bytes <= 1 << 24; bytes *= 4) {
    sums.emplace_back(static_cast<double>(bytes), reduction(group, bytes));
  }
  // Two phases of half of the bytes each way, and what adding and copying take.
  const double rest = fit_line(sums).second - per_byte;
  return {std::max(latency, 1e-9), 1 / per_byte, rest > 0 ? 1 / rest : 1e12};
}

}  // namespace bench
