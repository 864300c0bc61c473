// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/optim/check_option.hpp>

#include <cmath>
#include <string>

namespace newtape::optim {

void check_option(const char* op, const char* option, double value, const Range& range) {
  if (value >= range.low && value < range.high) return;
  const auto number = [](double x) { return std::isinf(x) ? std::string("inf") : std::to_string(x); };
  raise<ValueError>(std::string(op) + ": " + (range.label != nullptr ? range.label : option) + " is out of range",
                    "in [" + number(range.low) + ", " + number(range.high) + ")",
                    std::isnan(value) ? "nan" : number(value));
}

}  // namespace newtape::optim
