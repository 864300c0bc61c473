// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace newtape {

/// A line of source. As a default argument, `Place::here()` is the line of the call.
struct Place {
  const char* file = "";
  unsigned line = 0;

  static constexpr Place here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

/// `train.cpp:42`, without the folders.
std::string to_string(Place place);

}  // namespace newtape
