// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/reports/series.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Charts as SVG and HTML, without scripts.
namespace newtape::inspect::detail {

/// A line of a chart: one series, or one for each seed, drawn as their mean with the band that they span.
struct ChartLine {
  std::string name;
  std::vector<const CurveSeries*> seeds;
  std::size_t colour = 0;
  std::size_t dash = 0;  ///< 0: solid
};

/// Options of line_chart, histogram_chart and heat_map_chart.
struct ChartOptions {
  std::string title = {};
  std::string x_label = {};
};

/// A figure with curves and a legend. The vertical axis is logarithmic where all values are positive and span more than
/// three powers of ten. Points that are not finite are crosses at the upper edge, and counted below.
std::string line_chart(const std::vector<ChartLine>& lines, const ChartOptions& options);

/// A figure with bars between edges (one more than counts).
std::string histogram_chart(const std::vector<double>& edges, const std::vector<double>& counts,
                            const ChartOptions& options, std::string_view note = {});

/// Numbers by row and column, row 0 on top.
struct HeatMap {
  std::vector<std::string> rows = {};
  std::vector<double> columns = {};              ///< ascending
  std::vector<std::vector<double>> values = {};  ///< by column
  bool log_scale = false;                        ///< of the colours; what is not positive has none
};

/// A figure with a cell for each number, in the colours of cividis (Nunez, Anderton & Renslow 2018); what has no place
/// on the scale is vermilion.
std::string heat_map_chart(const HeatMap& map, const ChartOptions& options);

}  // namespace newtape::inspect::detail
