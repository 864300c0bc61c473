// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>

namespace bench {

/// What a training script costs around its steps: to compile, to start, in memory and in files to ship. Measured on
/// newtape_fashion_mnist and torch_fashion_mnist, which lie in `folder` beside the lists of arguments that compile
/// them; and what newtape_everything and torch_everything, which use many operations, take to compile, in turns. Prints
/// a table and writes the same to `json`; false when something went wrong.
bool script_figures(const std::filesystem::path& folder, int threads, nlohmann::json& json);

}  // namespace bench
