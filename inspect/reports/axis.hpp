// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace newtape::inspect::detail {

/// Maps numbers to pixels.
class Axis {
 public:
  /// From `low` at pixel `from` to `high` at pixel `to`; a range without length is widened.
  Axis(double low, double high, double from, double to, bool log_scale = false);

  double operator()(double v) const noexcept;
  double low() const noexcept { return low_; }
  double high() const noexcept { return high_; }
  bool log_scale() const noexcept { return log_; }

  struct Tick {
    double value;
    std::string label;
  };
  /// About `count` round numbers within the range; powers of ten on a logarithmic axis.
  std::vector<Tick> ticks(int count) const;

 private:
  double low_, high_, from_, to_;
  bool log_;
};

}  // namespace newtape::inspect::detail
