// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace bench {

/// What the command line says.
struct Options {
  std::vector<std::string> filters;
  int rounds = 9;
  int threads = 1;
  double seconds = 0.15;
  bool list = false;
  bool check = false;
  bool script = false;
  bool processor_time = false;
  bool keep_coretype = false;
  std::string sweep;
  int largest = 1024;
  std::string only;
  std::string json;
};

}  // namespace bench
