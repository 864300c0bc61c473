// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/config.hpp>

#include <fmt/format.h>

namespace newtape::inspect {

std::string to_string(const ConfigValue& value) {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
}

}  // namespace newtape::inspect
