// SPDX-License-Identifier: BSD-3-Clause
// The one place that knows which Catch2 is installed: v3 (several headers) or v2 (a single one).
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>  // brings Approx into the global namespace; Catch::Approx is a matcher here
#endif

/// A matcher for REQUIRE_THROWS_WITH and REQUIRE_THAT: the string contains `part`.
inline auto contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}
