// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <set>
#include <string>

/// The names that only one of two sets has, as a text; empty if the sets are equal. For `CHECK(difference(..) == "")`.
inline std::string difference(const std::string& first, const std::set<std::string>& a, const std::string& second,
                              const std::set<std::string>& b) {
  const auto only = [](const std::string& where, const std::set<std::string>& in, const std::set<std::string>& out) {
    std::string names;
    for (const auto& name : in) {
      if (out.count(name) == 0) names += (names.empty() ? "only " + where + ": " : ", ") + name;
    }
    return names;
  };
  const std::string left = only(first, a, b);
  const std::string right = only(second, b, a);
  return left + (left.empty() || right.empty() ? "" : "; ") + right;
}
