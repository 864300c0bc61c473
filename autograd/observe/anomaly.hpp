// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape {

struct AnomalyOptions {
  bool infinity = true;  ///< infinities too, not only NaN: false for models that mask with -infinity
};

/// While one is in scope, every recorded result and every gradient of a sweep on this thread is looked at, and the
/// first that holds a NaN or an infinity is a NumericalError which names the operation, the line where it was recorded,
/// and the entry. What was not finite before it came to the tape is reported by the first operation that takes it in.
/// It costs one more pass over each result.
class DetectAnomaly {
 public:
  explicit DetectAnomaly(const AnomalyOptions& options = {}) noexcept;
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  unsigned before_;
};

}  // namespace newtape
