// SPDX-License-Identifier: BSD-3-Clause
// Calls that must fail: the error names the function that was called, and the line of the call.
#pragma once

#include "catch.hpp"

#include <newtape/core/runtime/error.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

struct BadCall {
  std::string name;
  std::function<void()> call;
};

/// `file` is the name of the file with the calls.
inline void check_bad_calls(const std::string& file, const std::vector<BadCall>& calls) {
  const auto check = [&](const std::string& name, const std::string& text) {
    CHECK_THAT(text.substr(0, text.find(':')), Catch::Equals(name));
    CHECK_THAT(text, contains("\n  at:       " + file + ":"));
  };
  for (const auto& [name, call] : calls) {
    INFO(name);
    try {
      call();
      FAIL_CHECK("no error");
    } catch (const std::invalid_argument& e) {  // ShapeError, DTypeError, ValueError
      check(name, e.what());
    } catch (const newtape::NumericalError& e) {
      check(name, e.what());
    }
  }
}
