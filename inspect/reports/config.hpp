// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace newtape::inspect {

/// The value of a hyperparameter.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string>;
/// Hyperparameters in order: `{{"lr", 1e-3}, {"layers", 3}, {"nesterov", true}, {"data", "digits"}}`.
using Config = std::vector<std::pair<std::string, ConfigValue>>;

/// "true", "3", "0.001", or the text itself.
std::string to_string(const ConfigValue& value);

}  // namespace newtape::inspect
