// SPDX-License-Identifier: BSD-3-Clause
// The substitute for std::from_chars of floating-point numbers, against std::from_chars itself.
#include "catch.hpp"

#include <newtape/core/runtime/from_chars.hpp>

#include <array>
#include <bit>
#include <clocale>
#include <cstdint>
#include <random>
#include <string>

using newtape::detail::portable_from_chars;

#if defined(__cpp_lib_to_chars)
namespace {

template <class T>
void check_same(std::string_view text) {
  constexpr T untouched = 42;
  T expected = untouched;
  T given = untouched;
  const char* const end = text.data() + text.size();
  const auto theirs = std::from_chars(text.data(), end, expected);
  const auto ours = portable_from_chars(text.data(), end, given);
  CAPTURE(text);
  REQUIRE(ours.ec == theirs.ec);
  REQUIRE(ours.ptr == theirs.ptr);
  REQUIRE((given == expected || (std::isnan(given) && std::isnan(expected))));
  REQUIRE(std::signbit(given) == std::signbit(expected));
}

}  // namespace

TEST_CASE("portable_from_chars reads numbers, and stops, where std::from_chars does") {
  for (const std::string_view text : {"0",     "-0",     "1.5",          "-1.5e3",   ".5",
                                      "5.",    "1e",     "1e+",          "1e+x",     "2E-4",
                                      "1e5.5", "+1",     " 1",           "",         "-",
                                      ".",     "-.",     ".e5",          "0x10",     "1,5",
                                      "1_000", "inf",    "-INF",         "inFinity", "infinit",
                                      "nan",   "-nan",   "nano",         "na",       "--1",
                                      "1e400", "-1e400", "1e-400",       "1e-310",   "4.9e-324",
                                      "1e-45", "1e39",   "3.4028236e38", "0e999",    "1.0000000000000002"}) {
    check_same<double>(text);
    check_same<float>(text);
  }
}

TEST_CASE("portable_from_chars reads the shortest text of every double as that double") {
  std::mt19937_64 bits(1);
  for (int i = 0; i < 5000; ++i) {
    const auto x = std::bit_cast<double>(bits());
    if (std::isnan(x)) continue;
    std::array<char, 64> text;
    const auto end = std::to_chars(text.begin(), text.end(), x).ptr;
    double y = 0;
    REQUIRE(portable_from_chars(text.data(), end, y).ptr == end);
    REQUIRE(y == x);
  }
}
#endif

TEST_CASE("portable_from_chars reads a decimal point whatever the locale's is") {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"}) {
    if (std::setlocale(LC_NUMERIC, name) == nullptr) continue;
    double x = 0;
    const std::string_view text = "0.75";
    const auto end = portable_from_chars(text.data(), text.data() + text.size(), x).ptr;
    std::setlocale(LC_NUMERIC, before.c_str());
    REQUIRE(x == 0.75);
    REQUIRE(end == text.data() + text.size());
  }
}
