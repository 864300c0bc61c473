// SPDX-License-Identifier: BSD-3-Clause
#include "conformance.hpp"
#include "catch.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <set>

TEST_CASE("ONNX's own tests pass, but for those in the manifest", "[conformance]") {
  const auto cases = conformance::cases();
  if (cases.empty()) {
    WARN("libonnx-testdata is not installed (./dev setup): ONNX's own tests are skipped");
    return;
  }
  std::map<std::string, std::string> expected;
  for (const auto& [name, reason] : conformance::manifest()) {
    CAPTURE(name);
    CHECK(!reason.empty());
    CHECK(expected.emplace(name, reason).second);
  }
  std::size_t passed = 0;
  std::set<std::string> names;
  for (const auto& c : cases) {
    const std::string name = c.suite + "/" + c.name;
    CAPTURE(name);
    names.insert(name);
    const std::string wrong = conformance::run(c);
    passed += wrong.empty();
    if (expected.count(name) != 0) {
      CAPTURE(expected[name]);
      CHECK_FALSE(wrong.empty());  // it passes now: take it out of the manifest
    } else {
      CHECK(wrong == "");
    }
  }
  for (const auto& [name, reason] : expected) {
    CAPTURE(name);
    CHECK(names.count(name) == 1);
  }
  CHECK(passed >= 980);
}

// `test_onnx "[table]"` prints what passes by suite, and what does not.
TEST_CASE("table of ONNX's own tests", "[.][table]") {
  std::map<std::string, std::pair<int, int>> suites;
  for (const auto& c : conformance::cases()) {
    const std::string wrong = conformance::run(c);
    auto& [passed, all] = suites[c.suite];
    ++all;
    passed += wrong.empty();
    if (!wrong.empty()) fmt::print("{}/{}: {}\n", c.suite, c.name, wrong);
  }
  int passed = 0, all = 0;
  for (const auto& [suite, counts] : suites) {
    fmt::print("{:18} {:4} of {:4} pass\n", suite, counts.first, counts.second);
    passed += counts.first;
    all += counts.second;
  }
  fmt::print("{:18} {:4} of {:4} pass\n", "all", passed, all);
}
