// SPDX-License-Identifier: BSD-3-Clause
// Files for the tests: reference files of other tools, and temporary ones.
#pragma once

#include "temporary_directory.hpp"
#include "test_files.hpp"

// Before any `using namespace newtape`, in which data is a namespace, and not the function that xtensor calls.
#include <newtape/core/xtensor.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

inline std::string test_file(const std::string& name) { return test_files() + "/data/" + name; }

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);  // on some file systems overwriting a file waits for the disk
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The message of the E thrown by `f`; empty if it throws nothing. Other exceptions propagate.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return {};
}

/// The elements of a contiguous array.
template <newtape::Element T>
std::vector<T> values(const newtape::Array& x) {
  return std::vector<T>(x.data<T>(), x.data<T>() + x.size());
}
