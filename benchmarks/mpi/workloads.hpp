// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace bench {

struct Options {
  int shards = 0;
  double latency = 0, bandwidth = 0;  ///< of a simulated link; 0: none
  bool plain = false;                 ///< without DataParallel
  int steps = 18;                     ///< of which the first three are not counted
};

/// Of a step, in seconds and bytes.
struct Timing {
  double step = 0, transfer = 0, exposed = 0, bytes = 0;
};

/// Trains "cnn", "transformer" or "mlp" on this process's ranks; rank 0 prints the median Timing, the seconds of a loss
/// without a sweep, and the bytes of the buckets. Returns the exit code.
int work(const std::string& model, const Options& options);

}  // namespace bench
