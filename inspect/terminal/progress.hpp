// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

namespace newtape::inspect {

/// A progress bar on standard error: fraction done, rate, loss, remaining time. A terminal line is redrawn in place;
/// otherwise (file, pipe) a plain line is printed every 10 percent.
class Progress {
 public:
  /// `total` is counted in units of `unit`: images, steps, ...
  Progress(std::string label, std::int64_t total, std::string unit = "images");
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Adds `amount` to the work done. The displayed loss is a running mean.
  void advance(std::int64_t amount, double loss);
  /// Draws the final line; also called by the destructor.
  void finish();

  /// Seconds since the start.
  double seconds() const;
  double loss() const noexcept { return loss_; }

 private:
  void draw(bool last);

  std::string label_, unit_;
  std::int64_t total_, done_ = 0, reported_ = 0;
  double loss_ = 0;
  bool terminal_, finished_ = false;
  double start_, drawn_;  // seconds on the steady clock
};

}  // namespace newtape::inspect
