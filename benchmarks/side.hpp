// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "child.hpp"
#include "inputs.hpp"

#include <string>

namespace bench {

/// How long a round of one workload takes, and by which clock.
struct Clock {
  double seconds = 0.15;
  bool processor_time = false;
};

/// One worker at work on one workload.
class Side {
 public:
  /// Finds out how many steps fill a round. These runs are thrown away, and warm the program up.
  Side(Child& child, std::string workload, const Clock& clock);

  /// Seconds a step.
  double round() { return time_of(steps_); }

 private:
  double time_of(long steps);

  Child& child_;
  std::string workload_;
  Clock clock_;
  long steps_ = 1;
};

/// What a worker's workload computes.
Fingerprint look(Child& child, const std::string& workload);

}  // namespace bench
