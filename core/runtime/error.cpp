// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>

namespace newtape {

std::string error_message(std::string_view what, std::string_view expected, std::string_view got) {
  std::string message(what);
  if (!expected.empty()) message.append("\n  expected: ").append(expected);
  if (!got.empty()) message.append("\n  got:      ").append(got);
  return message;
}

}  // namespace newtape
