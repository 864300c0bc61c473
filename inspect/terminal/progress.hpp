// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

namespace newtape::inspect {

/// A progress bar on standard error: share done, rate, loss, time left. On a terminal it is one line that redraws
/// itself; elsewhere (a file, a pipe) it is a plain line every tenth of the way.
class Progress {
 public:
  /// `total` counts in `unit`s: images, steps, ...
  Progress(std::string label, std::int64_t total, std::string unit = "images");
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// `amount` more is done. The loss that is shown is a running mean of what comes in.
  void advance(std::int64_t amount, double loss);
  /// Draws the last line; the destructor does so too.
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
