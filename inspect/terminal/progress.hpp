// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>
#include <newtape/core/runtime/owner.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

namespace newtape::inspect {

struct ProgressOptions {
  std::string unit = "images";  ///< what is counted
  std::FILE* stream = stderr;
  bool plot = false;  ///< a curve of the loss in braille below the bar, in a terminal only
};

/// A progress bar on standard error: fraction done, rate, loss, remaining time. In a terminal the line is redrawn in
/// place, and a bar that is made while another one runs is drawn below it (epochs, and the steps of each), where it
/// disappears when it is done. In a file or a pipe a plain line is printed every 10 percent, by the outermost bar and
/// those below it, indented. Print lines of your own by `print_above`. All bars belong to one thread.
class Progress {
 public:
  /// `total` is counted in units of `options.unit`: images, steps, ...
  Progress(std::string label, std::int64_t total, const ProgressOptions& options = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Adds `amount` to the work done.
  void advance(std::int64_t amount);
  /// And takes the loss of this part; the displayed loss is a running mean.
  void advance(std::int64_t amount, double loss);
  /// Draws the final line; also called by the destructor.
  void finish();

  /// Seconds since the start.
  double seconds() const;
  double loss() const noexcept;

 private:
  struct Impl;
  newtape::detail::Owner<Impl> impl_;
};

/// Prints text on the stream of the progress bars, above those that run.
void print_above(const std::string& text);

}  // namespace newtape::inspect
