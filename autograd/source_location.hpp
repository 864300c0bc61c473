// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace newtape {

/// A line of source code. As a default argument, `SourceLocation::current()` is the line of the call.
struct SourceLocation {
  const char* file = "";
  unsigned line = 0;

  static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                          unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

/// `train.cpp:42`, without the folders.
std::string to_string(SourceLocation location);

}  // namespace newtape
