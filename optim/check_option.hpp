// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <limits>

namespace newtape::optim {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// The values that an option may have: [low, high).
struct Range {
  double low = 0;
  double high = infinity;
  const char* label = nullptr;  ///< the option's name in messages, if a state dict has another
};
inline constexpr Range below_one{0, 1};
inline constexpr Range up_to_one{0, 1 + std::numeric_limits<double>::epsilon()};

/// ValueError, "<op>: <option> is out of range", unless `value` is in the range; NaN is not.
void check_option(const char* op, const char* option, double value, const Range& range = {});

}  // namespace newtape::optim
