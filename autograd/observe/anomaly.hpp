// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape {

struct DetectAnomalyOptions {
  bool infinity = true;  ///< infinities too, not only NaN: false for models that mask with -infinity
};

/// While one is in scope, every recorded result and every gradient of a sweep on this thread is checked. The first NaN
/// or infinity raises a NumericalError that names the operation, the source line, the entry, and the range of the finite
/// elements. Non-finite inputs are reported by the first operation that uses them. Costs one more pass over each result.
/// inspect::StepRecorder adds module, step and operands.
class DetectAnomaly {
 public:
  explicit DetectAnomaly(const DetectAnomalyOptions& options = {}) noexcept;
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  unsigned before_;
};

}  // namespace newtape
