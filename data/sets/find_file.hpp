// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

/// Where the files of data sets are.
namespace newtape::data::detail {

/// $NEWTAPE_DATA, or an empty string.
std::string data_directory();

/// Path of `file`, gzipped or not, in the first of `directories` that contains it; empty if none does.
std::string find_file(const std::vector<std::string>& directories, const std::string& file);

}  // namespace newtape::data::detail
