// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/sets/find_file.hpp>

#include <cstdlib>
#include <filesystem>

namespace newtape::data::detail {

std::string data_directory() {
  const char* directory = std::getenv("NEWTAPE_DATA");
  return directory == nullptr ? "" : directory;
}

std::string find_file(const std::vector<std::string>& directories, const std::string& file) {
  for (const auto& directory : directories) {
    for (const auto* end : {".gz", ""}) {
      auto path = directory + "/" + file + end;
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  }
  return {};
}

}  // namespace newtape::data::detail
