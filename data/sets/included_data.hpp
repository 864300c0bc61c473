// SPDX-License-Identifier: BSD-3-Clause
// Where the data sets that come with Newtape are, found when the program runs: a library may be moved after it was built.
#pragma once

#include <string>
#include <vector>

namespace newtape::data::detail {

/// Directories to search, first to last: $NEWTAPE_DATA; the place that CMake gave the program (the source tree, or the package
/// where it was found); relative to the program or shared library that contains this function; the installation prefix that
/// was configured.
std::vector<std::string> included_data_directories();

}  // namespace newtape::data::detail
