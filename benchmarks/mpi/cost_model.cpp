// SPDX-License-Identifier: BSD-3-Clause
#include "cost_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace bench {
namespace {

using Phase = double (*)(const Link&, double, int);

constexpr int most_ranks = 100'000;

/// The first number of ranks whose efficiency is below 90 %; more than most_ranks if there is none.
int end_of_scaling(const Workload& work, const Link& link, Phase phase) {
  int ranks = 2;
  while (ranks <= most_ranks && work.step / step_seconds(work, link, ranks, phase) >= 0.9) ranks += 1 + ranks / 50;
  return ranks;
}

void print_end(int ranks) { ranks > most_ranks ? std::printf("  %7s", "none") : std::printf("  %7d", ranks); }

}  // namespace

double direct_phase(const Link& link, double bytes, int ranks) {
  if (ranks == 1) return 0;
  const double peers = ranks - 1;
  return link.latency * peers + bytes * peers / ranks / link.bandwidth;
}
double tree_phase(const Link& link, double bytes, int ranks) {
  if (ranks == 1) return 0;
  return link.latency * std::ceil(std::log2(ranks)) + bytes * (ranks - 1) / ranks / link.bandwidth;
}

double step_seconds(const Workload& work, const Link& link, int ranks, Phase phase) {
  if (ranks == 1) return work.step;
  const double all = std::accumulate(work.buckets.begin(), work.buckets.end(), 0.0);
  double arrived = 0;
  double free = 0;  // the link
  double done = work.step;
  for (const double bytes : work.buckets) {
    arrived += bytes;
    const double ready = work.step - work.sweep * (1 - arrived / all);
    // The rank adds its segment between the phases; every rank's is 1 / ranks of the bucket, from all ranks.
    free = std::max(free, ready) + phase(link, bytes, ranks) + bytes / link.reduction + phase(link, bytes, ranks);
    done = std::max(done, free);
  }
  return done;
}

void print_cost_model(const std::string& what, const Link& link, const std::vector<Workload>& workloads) {
  constexpr int counts[] = {2, 4, 8, 16, 32, 64, 128, 256, 512, 1000};
  std::printf("%s: latency %.3g us, bandwidth %.3g GB/s, reduction %.3g GB/s. Efficiency at a constant batch a rank\n",
              what.c_str(), link.latency * 1e6, link.bandwidth / 1e9, link.reduction / 1e9);
  std::printf("%-22s", "ranks");
  for (const int n : counts) std::printf("%6d", n);
  std::printf("  below 90 %% at: now, latency / 10, bandwidth x 10, sums x 10, batch x 4\n");
  for (const auto& work : workloads) {
    for (const bool tree : {false, true}) {
      const Phase phase = tree ? tree_phase : direct_phase;
      std::printf("%-18s%4s", work.name.c_str(), tree ? "tree" : "dir.");
      for (const int n : counts) std::printf("%5.0f%%", 100 * work.step / step_seconds(work, link, n, phase));
      Workload larger = work;
      larger.step *= 4, larger.sweep *= 4;
      print_end(end_of_scaling(work, link, phase));
      print_end(end_of_scaling(work, {link.latency / 10, link.bandwidth, link.reduction}, phase));
      print_end(end_of_scaling(work, {link.latency, link.bandwidth * 10, link.reduction}, phase));
      print_end(end_of_scaling(work, {link.latency, link.bandwidth, link.reduction * 10}, phase));
      print_end(end_of_scaling(larger, link, phase));
      std::printf("\n");
    }
  }
}

}  // namespace bench
