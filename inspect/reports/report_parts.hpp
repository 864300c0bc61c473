// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/inspect/reports/run_data.hpp>
#include <newtape/nn/module/summary.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

/// The parts of a report as HTML.
namespace newtape::inspect::detail {

/// A table of (name, value).
std::string pairs_table(const std::vector<std::pair<std::string, std::string>>& pairs);
/// What `build_info` says of the library and the machine.
std::vector<std::pair<std::string, std::string>> environment_pairs();
std::string summary_table(const nn::Summary& summary);
/// A table of the entries, with their shares of all `seconds`.
std::string profile_rows(const std::vector<ProfileEntry>& entries, double seconds);
std::string histogram_figure(const std::string& name, const ArrayLike& values);
std::string spectrum_figure(const std::string& name, const ArrayLike& values);
std::string confusion_table(const ArrayLike& counts, const std::vector<std::string>& classes);
std::string pictures(std::span<const Array> images, std::span<const std::string> captions,
                     const std::vector<bool>& wrong);
/// A heading and what is below it; nothing for an empty body.
std::string section(const std::string& heading, const std::string& body);
/// The same with figures side by side.
std::string chart_section(const std::string& heading, const std::string& figures);
/// The time in UTC, "2026-01-31 12:00:00 UTC".
std::string utc_time(std::int64_t seconds);

}  // namespace newtape::inspect::detail
