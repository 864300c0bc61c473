// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace newtape::inspect {

struct PlotOptions {
  std::string title = {};
  int columns = 60;  ///< of the curve, without the numbers beside it
  int rows = 8;
  bool log_scale = false;  ///< of the values; those that are not positive are left out
  bool braille = true;     ///< two by four dots a character; else plain characters, one point each
};

/// A curve of the values over their index as text, with the extremes beside it: several values in one column of dots
/// appear as a line from the smallest to the largest, so that no peak is lost. Values that are not finite are left out,
/// and counted in the last line. ValueError unless there are columns and rows.
std::string plot(std::span<const double> values, const PlotOptions& options = {});
inline std::string plot(const std::vector<double>& values, const PlotOptions& options = {}) {
  return plot(std::span<const double>(values), options);
}

}  // namespace newtape::inspect
