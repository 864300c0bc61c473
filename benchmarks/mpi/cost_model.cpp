// SPDX-License-Identifier: BSD-3-Clause
#include "cost_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bench {
namespace {

constexpr double bucket_bytes = 25 * 0x1p20;

struct Model {
  const char* name;
  double parameters;
  double step;   ///< seconds of computing a step on one rank
  double sweep;  ///< of these, the backward sweep
};

// Steps of `./dev bench mpi` at its batches, on one thread; two thirds of them are the sweep.
constexpr Model models[] = {{"CNN, 0.4 M", 0.42e6, 0.060, 0.040},
                            {"transformer, 0.4 M", 0.40e6, 0.060, 0.040},
                            {"MLP, 10 M", 9.98e6, 0.200, 0.130}};

/// A step on so many ranks: all buckets but the last hide behind what is left of the sweep.
double step_seconds(const Model& m, const Link& link, int ranks, double (*reduce)(const Link&, double, int)) {
  const double bytes = 4 * m.parameters;
  const double buckets = std::ceil(bytes / bucket_bytes);
  const double one = reduce(link, bytes / buckets, ranks);
  // The first gradients arrive after about 1 / (buckets + 1) of the sweep.
  const double hidden = std::min((buckets - 1) * one, m.sweep * buckets / (buckets + 1));
  return m.step + buckets * one - hidden;
}

}  // namespace

double direct_seconds(const Link& link, double bytes, int ranks) {
  if (ranks == 1) return 0;
  const double peers = ranks - 1;
  return 2 * (link.latency * peers + bytes * peers / ranks / link.bandwidth);
}
double ring_seconds(const Link& link, double bytes, int ranks) {
  return direct_seconds(link, bytes, ranks);  // as many messages, one after the other
}
double tree_seconds(const Link& link, double bytes, int ranks) {
  if (ranks == 1) return 0;
  return 2 * (link.latency * std::ceil(std::log2(ranks)) + bytes * (ranks - 1) / ranks / link.bandwidth);
}

void print_cost_model(const Link& link) {
  constexpr int counts[] = {2, 4, 8, 16, 32, 64, 128, 256, 512, 1000};
  std::printf("Efficiency at a constant batch a rank; latency %.3g us, bandwidth %.3g GB/s\n", link.latency * 1e6,
              link.bandwidth / 1e9);
  std::printf("%-22s", "ranks");
  for (const int n : counts) std::printf("%6d", n);
  std::printf("  below 90 %%\n");
  for (const auto& m : models) {
    for (const bool tree : {false, true}) {
      const auto reduce = tree ? tree_seconds : direct_seconds;
      std::printf("%-18s%4s", m.name, tree ? "tree" : "dir.");
      for (const int n : counts) std::printf("%5.0f%%", 100 * m.step / step_seconds(m, link, n, reduce));
      int end = 2;
      while (end <= 100'000 && m.step / step_seconds(m, link, end, reduce) >= 0.9) end += 1 + end / 50;
      end > 100'000 ? std::printf("  none to 100,000\n") : std::printf("  %d ranks\n", end);
    }
  }
}

}  // namespace bench
