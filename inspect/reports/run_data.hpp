// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/reports/chart.hpp>
#include <newtape/inspect/reports/series.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect::detail {

/// The points of one tag ("loss/train") and one seed.
struct RunSeries {
  std::string tag;
  std::int64_t seed = 0;
  CurveSeries points{};
};

/// Time and memory of a layer.
struct RunLayer {
  std::string path;
  double seconds = 0;
  std::int64_t bytes = 0;
};

/// What a page holds for machines: enough to compare runs.
struct RunData {
  std::string title;
  std::vector<std::pair<std::string, std::string>> config;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<RunSeries> series;
  std::vector<RunLayer> layers;
  std::vector<std::pair<std::string, std::string>> findings;  ///< diagnoses and effects, a line each

  CurveSeries& at(const std::string& tag, std::int64_t seed);
};

/// The element of a page with these data, as JSON, in which no "<" occurs.
std::string data_element(const RunData& data);
/// From a page. IoError naming the file when there is no such element, or when it is damaged.
RunData read_page_data(const std::string& path);

/// The part of a tag before its first slash, or all of it; and the part behind, or nothing.
std::string chart_of(const std::string& tag);
std::string line_of(const std::string& tag);

/// The charts of all series, those of one chart together, with bands over seeds, and those of `other` dashed.
std::string curve_figures(const RunData& data, const RunData* other = nullptr, const std::string& first_name = {},
                          const std::string& second_name = {});

}  // namespace newtape::inspect::detail
