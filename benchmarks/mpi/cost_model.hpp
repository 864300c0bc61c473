// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace bench {

/// What sums over ranks cost.
struct Link {
  double latency = 5e-6;      ///< seconds a message
  double bandwidth = 12.5e9;  ///< bytes a second, each way
  double reduction = 4e9;     ///< bytes a second that a rank adds up, what it copies included
};

/// A step of training on one rank.
struct Workload {
  std::string name;
  double step = 0;                   ///< seconds
  double sweep = 0;                  ///< of these, the backward sweep
  std::vector<double> buckets = {};  ///< bytes, in the order in which they are sent
};

/// Seconds of each of two phases that add `bytes` over `ranks`: in `direct` segments as DataParallel does it (all messages
/// of a rank share its link; around a ring, Patarasuk and Yuan 2009, there are as many, one after the other), and by
/// halving and doubling (Rabenseifner 2004).
double direct_phase(const Link& link, double bytes, int ranks);
double tree_phase(const Link& link, double bytes, int ranks);

/// Seconds of a step on so many ranks at a constant batch a rank. Gradients arrive evenly over the sweep, by their bytes; a
/// bucket's phases wait for it and for those before it on the link.
double step_seconds(const Workload& work, const Link& link, int ranks, double (*phase)(const Link&, double, int));

/// Efficiency of the workloads on up to 1,000 ranks at a constant batch a rank, where it falls below 90 %, and what would
/// move that point most.
void print_cost_model(const std::string& what, const Link& link, const std::vector<Workload>& workloads);

}  // namespace bench
