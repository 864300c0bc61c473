// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace bench {

/// Between machines; the defaults are 100 Gb/s Ethernet.
struct Link {
  double latency = 5e-6;      ///< seconds a message
  double bandwidth = 12.5e9;  ///< bytes a second, each way
};

/// Seconds to add `bytes` over `ranks`: in `direct` segments as DataParallel does it (all messages of a rank share its
/// link), around a ring (Patarasuk and Yuan 2009), and by halving and doubling (Rabenseifner 2004).
double direct_seconds(const Link& link, double bytes, int ranks);
double ring_seconds(const Link& link, double bytes, int ranks);
double tree_seconds(const Link& link, double bytes, int ranks);

/// Efficiency of three models on up to 1,000 ranks at a constant batch a rank, and where it falls below 90 %.
void print_cost_model(const Link& link);

}  // namespace bench
