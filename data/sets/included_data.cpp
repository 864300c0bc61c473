// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/platform.hpp>
#include <newtape/data/sets/included_data.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#if defined(__APPLE__)
#include <dlfcn.h>
#elif defined(__GNUC__) && !defined(_WIN32)
// Defined by cmake/data_directory.cpp.in in programs that are built by CMake; others lack it.
extern "C" [[gnu::weak]] const char newtape_data_directory[];
#endif

namespace newtape::data::detail {
namespace {

std::string directory_of_program() {
#if defined(__APPLE__)
  const auto* const text = static_cast<const char*>(dlsym(RTLD_DEFAULT, "newtape_data_directory"));
  return text == nullptr ? "" : text;
#elif defined(__GNUC__) && !defined(_WIN32)
  const char* const text = newtape_data_directory;
  return text == nullptr ? "" : text;
#else
  return {};
#endif
}

}  // namespace

std::vector<std::string> included_data_directories() {
  std::vector<std::string> result;
  const auto add = [&](std::string directory) {
    if (!directory.empty() && std::find(result.begin(), result.end(), directory) == result.end()) {
      result.push_back(std::move(directory));
    }
  };
  if (const char* const set = std::getenv("NEWTAPE_DATA")) add(set);
  add(directory_of_program());
  std::error_code unknown;
  const auto object = std::filesystem::canonical(
      platform::object_path(reinterpret_cast<const void*>(&included_data_directories)), unknown);
  if (!unknown) {
    // NEWTAPE_DATA_FROM_LIBRARY, as "../share/newtape", from <prefix>/lib; a program is in <prefix>/bin.
    for (const char* const relative : {NEWTAPE_DATA_FROM_LIBRARY, "../share/newtape"}) {
      add((object.parent_path() / relative).lexically_normal().string());
    }
  }
  add(NEWTAPE_DATA_INSTALL_DIR);
  return result;
}

}  // namespace newtape::data::detail
