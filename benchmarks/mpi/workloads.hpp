// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace bench {

struct Options {
  int shards = 0;
  double latency = 0, bandwidth = 0;  ///< of a simulated link; 0: none
  bool messages = false;              ///< between ranks of one machine, too
  int steps = 18;                     ///< of which the first three are not counted
};

/// Of a step, in seconds and bytes.
struct Timing {
  double step = 0, transfer = 0, exposed = 0, bytes = 0;
};

/// A step of DataParallel on one rank against one without.
struct Overhead {
  double plain = 0;                ///< median seconds
  double relative = 0, error = 0;  ///< median of the ratios less 1, and its standard error
};

/// Of "cnn", "transformer" or "mlp", in alternating steps that take about so long in all.
Overhead overhead(const std::string& model, double seconds);

/// Trains "cnn", "transformer" or "mlp" on this process's ranks; rank 0 prints the median Timing, the seconds of a loss
/// without a sweep, and the bytes of the buckets. Returns the exit code.
int work(const std::string& model, const Options& options);

}  // namespace bench
