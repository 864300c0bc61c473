// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/optim/check_option.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::optim {

void check_option(const char* optimizer, const char* option, double value, double low, double high) {
  check_option((std::string(optimizer) + ": " + option).c_str(), value, low, high);
}
void check_option(const char* optimizer, const char* option, double value) {
  check_option(optimizer, option, value, 0, std::numeric_limits<double>::infinity());
}

void check_option(const char* what, double value, double low, double high) {
  if (value >= low && value < high) return;
  const auto number = [](double x) { return std::isinf(x) ? std::string("inf") : std::to_string(x); };
  raise<ValueError>(std::string(what) + " is out of range", "in [" + number(low) + ", " + number(high) + ")",
                    std::isnan(value) ? "nan" : number(value));
}

}  // namespace newtape::optim
