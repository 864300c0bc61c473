// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

namespace newtape {

struct DetectAnomalyOptions {
  bool infinity = true;  ///< infinities too, not only NaN: false for models that mask with -infinity
};

/// While one is in scope, every recorded result and every gradient of a sweep on this thread is checked. The first NaN
/// or infinity raises a NumericalError that names the operation, the source line, the entry, the range of the finite
/// elements, and the ranges of the operands, or of the cotangent in a sweep. Non-finite inputs are reported by the first
/// operation that uses them. Costs one more pass over each result, and temporaries are not overwritten in place.
/// inspect::StepRecorder adds module and step.
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
